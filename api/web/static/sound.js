// Two short tones for an urgent case; off until someone turns it on, remembered by this browser.

const KEY = "beatgrid.sound";
let context = null;

export function wanted() {
  return localStorage.getItem(KEY) === "on";
}

export function want(on) {
  localStorage.setItem(KEY, on ? "on" : "off");
  if (on) ring();
}

export function ring() {
  if (!wanted()) return;
  context ??= new AudioContext();
  for (const [start, pitch] of [[0, 880], [0.18, 1175]]) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    const at = context.currentTime + start;
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.18, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.17);
  }
}

import subprocess, sys
def test_x(database_url):
    for s in ("/tmp/t1.py","/tmp/t2.py"):
        r=subprocess.run([sys.executable,"-W","error",s,database_url],capture_output=True,text=True); print(r.stdout[-600:],r.stderr[-3000:]); assert r.returncode==0

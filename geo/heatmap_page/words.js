// What the heatmap page says, in both languages.
"use strict";

window.beatgridWords = {
  zh: {
    all: "全部渠道", patrol: "巡查发现", intelligent: "智能发现", public: "公众上报", hotline: "热线投诉", transfer: "移送转办", alarm: "非警务警情",
    allTime: "全部时段", play: "播放", pause: "暂停", slider: "时段", time: "时间", channels: "发现渠道",
    chart: "发现占比变化", grids: "各责任网格发现占比", notes: "口径与说明", site: "全辖区", unfocus: "返回全辖区",
    grid: "责任网格", cases: "案件", share: "发现占比", cell: "该格案件", legend: "每格案件数", none: "无",
    noCases: "没有可显示的立案案件", noneHere: "所选渠道和时段内没有案件", outside: "不在所列网格内", map: "案件热力图",
    perPeriod: { day: "每日案件数", week: "每周案件数", month: "每月案件数" },
    count: (n) => `${n} 件`,
    subtitle: (first, last, n) => `${first} 至 ${last} · 共 ${n} 件`,
    definition: "发现占比 = 由该渠道首先发现的案件数 ÷ 同一网格、同一时段的全部立案数（重复案件先行合并）。",
    cells: (size) => `每个六边形覆盖的地面面积相等，均为 ${size} m × ${size} m；颜色按单个时段（或全部时段）分级，逐段播放时色阶不变。`,
    zone: (zone) => `时段按案件发生时间、${zone} 时区的日历划分；每周从周一开始。`,
    outsideNote: (n) => `${n} 件案件不属于图中任何网格，只计入全辖区。`,
  },
  en: {
    all: "All channels", patrol: "Patrol", intelligent: "Intelligent (CV)", public: "Public", hotline: "Hotline", alarm: "Non-police alarm",
    transfer: "Transfer", allTime: "All time", play: "Play", pause: "Pause", slider: "Period", time: "Time",
    channels: "Discovery channel", chart: "Discovery share over time", grids: "Discovery share by grid",
    notes: "Definitions and notes", site: "Whole site", unfocus: "Back to whole site", grid: "Grid", cases: "Cases",
    share: "Discovery share", cell: "Cases in this cell", legend: "Cases per cell", none: "none",
    noCases: "There are no filed cases to show", noneHere: "No cases in this channel and period",
    outside: "Outside the grids shown", map: "Heatmap of cases",
    perPeriod: { day: "Cases per day", week: "Cases per week", month: "Cases per month" },
    count: (n) => `${n} ${n === "1" ? "case" : "cases"}`,
    subtitle: (first, last, n) => `${first} to ${last} · ${n} cases`,
    definition: "Discovery share of a channel = cases first known through it ÷ all filed cases of the same grid and period, duplicates merged first.",
    cells: (size) => `Every hexagon covers the same area of ground, ${size} m × ${size} m; colours are graded for single periods (or for all time) and stay the same while playing.`,
    zone: (zone) => `Periods follow the calendar of ${zone} by the time a case occurred; weeks start on Monday.`,
    outsideNote: (n) => `${n} cases lie in none of the grids shown and count for the whole site only.`,
  },
};

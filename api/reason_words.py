"""The reasons of dispatch and intake in the reader's language. They are stored in English; a test holds them here."""

import re
from collections.abc import Callable
from typing import Final

from api.words import Words

Wording = Callable[[Words, re.Match[str]], str]


def _plain(chinese: str) -> Wording:
    return lambda _, match: chinese.format(*match.groups())


def _duty(spoken: Words, slug: str) -> str:
    return spoken.known(f"duty.{slug}", slug)


def _nearest(spoken: Words, match: re.Match[str]) -> str:
    among, department, grid, beside, basis, together, leaving = match.groups()
    who = "先行力量" if department is None else f"{_duty(spoken, department)}力量"
    where = f"{grid}（与 {beside} 相邻）" if beside else grid
    others = f"，{together} 件一并指派" if together else ""
    by = "上报位置" if basis == "reported position" else "岗位点"
    leaves = "，先放下手头的一般案件" if leaving else ""
    return f"{where} 内可派的 {among} 个{who}中最快到达，按{by}计{others}{leaves}"


def _before(spoken: Words, match: re.Match[str]) -> str:
    stage, grid, department, other = match.groups()
    own = "先行力量" if stage == "first" else "后期力量"
    goes = "先行力量" if department is None else f"{_duty(spoken, department)}力量"
    return f"{grid} 的{own}：{other} 的{goes}优先"


_CHINESE: Final[tuple[tuple[re.Pattern[str], Wording], ...]] = tuple(
    (re.compile(pattern), wording)
    for pattern, wording in (
        (
            r"none of (\d+) forces in and next to grid (\S+) may take it now",
            _plain("{1} 及相邻网格的 {0} 个力量均不可派"),
        ),
        (
            (
                r"soonest of (\d+) eligible as (?:first force|force of (\S+))"
                r" in grid (\S+?)(?:, next to (\S+?))?, by its (reported position|post)"
                r"(?:, of (\d+) cases assigned together)?(, leaving general work for it)?"
            ),
            _nearest,
        ),
        (r"(\S+) of grid (\S+): a (?:first force|force of (\S+)) of grid (\S+) goes before it", _before),
        (
            r"grid (\S+) is switched on from (\S+); what came before is collected",
            _plain("{0} 自 {1} 起启用，此前只收件、不派单"),
        ),
        (r"carries no terminal", _plain("未配终端")),
        (r"off duty", _plain("不在岗")),
        (r"on standby, called for urgent cases only", _plain("备勤，仅紧急类召集")),
        (r"the case is for (\S+) alone", lambda w, m: f"案件只由{_duty(w, m[1])}处理"),
        (r"the case was sent back to (\S+) to do again", lambda w, m: f"案件已退回{_duty(w, m[1])}返工"),
        (r"department (\S+) does not follow up this category", lambda w, m: f"{_duty(w, m[1])}不负责此类别"),
        (r"role (\S+) does not handle this category", lambda w, m: f"{_duty(w, m[1])}不处置此类别"),
        (
            r"patrols (\S+), the case is (\S+)",
            lambda w, m: f"负责{w.known(f'side.{m[1]}', m[1])}，案件在{w.known(f'side.{m[2]}', m[2])}",
        ),
        (r"is bound to other units", _plain("负责其他管理单元")),
        (r"declined this case", _plain("已拒此单")),
        (r"did not answer the offer", _plain("上次派单未应答")),
        (r"holds a case", _plain("手头有案件")),
        (r"holds (\d+) cases?: would be there about (\d+) s later", _plain("手头有 {0} 件，约晚到 {1} 秒")),
        (r"would be there about (\d+) s later", _plain("约晚到 {0} 秒")),
        (r"went to another case, of those assigned together", _plain("一并指派时已派往另一案件")),
        (r"is not trained for this category", _plain("未受此类别培训")),
        (r"its position is (\d+) s old, too old to be sent by", _plain("位置已 {0} 秒未更新，不再派单")),
        (r"its position is (\d+) s old: fresh ones go before it", _plain("位置已 {0} 秒未更新，位置较新者优先")),
        (r"rests for (\d+) s after a case", _plain("结案后休息 {0} 秒")),
        (r"last free force of grid (\S+), held back for urgent cases", _plain("{0} 最后的空闲力量，留给紧急类")),
        (r"a force of grid (\S+) is there sooner by more than (\d+) s", _plain("{0} 的力量快 {1} 秒以上")),
        (r"gathered for (\d+) s, to be assigned together with others", _plain("汇集 {0} 秒后一并指派")),
        (r"holds (\d+) or more cases, the most allowed", _plain("在办已达上限 {0} 件")),
        (r"grid (\S+) is not switched on yet and lends nobody", _plain("{0} 尚未启用，不出借力量")),
        (r"grid (\S+) is not next to (\S+)", _plain("{0} 与 {1} 不相邻")),
        (r"another was chosen by (.+)", _plain("{0} 指定了其他终端")),
        (r"chosen by (.+)", _plain("由 {0} 指定")),
        (r"no answer within (\d+) s", _plain("{0} 秒内未应答")),
        (r"confirmed by a second source, (\S+)", lambda w, m: f"由第二来源确认：{w.known(f'channel.{m[1]}', m[1])}"),
        (r"no case of the category is within reach \((\d+) compared\)", _plain("附近无同类案件（比对 {0} 件）")),
        (
            r"([\d.]+) m from (\S+), which is (\S+); same problem within ([\d.]+) m",
            lambda w, m: f"距 {m[2]}（{w.known(f'status.{m[3]}', m[3])}）{m[1]} 米，{m[4]} 米内视为同一问题",
        ),
    )
)


def worded(reason: str, spoken: Words) -> str:
    """Return a reason in the reader's language; one that has no Chinese wording stays in English."""
    if spoken.language != "zh":
        return reason.replace("unit_interior", "unit interior").replace("street_face", "street face")
    for pattern, wording in _CHINESE:
        match = pattern.fullmatch(reason)
        if match is not None:
            return wording(spoken, match)
    return reason

"""What may be written into the text box besides the API's own words, in English and in Chinese, in any case.

It doesn't follow the reader's language: a text that works for one works for everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _index(words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return what each word means; a meaning is one of its own words."""
    return {word.casefold(): meaning for meaning, others in words.items() for word in (meaning, *others)}


KEYS = _index(
    {
        "state": ["states", "status", "状态"],
        "type": ["kind", "类型"],
        "name": ["名称", "名字"],
        "id": ["job", "jobId", "任务", "作业", "任务id", "作业id"],
        "workflow": ["workflowId", "工作流", "工作流id"],
        "created": ["range", "创建", "创建时间"],
        "order": ["orderByTime", "sort", "排序", "顺序"],
        "size": ["每页"],
    }
)
STATES = _index(
    {
        "Submitted": ["submit", "waiting", "已提交", "提交", "等待", "等待中", "待执行"],
        "Running": ["run", "执行中", "运行中", "进行中", "处理中"],
        "Success": ["succeeded", "successful", "成功", "已成功", "执行成功"],
        "Failed": ["fail", "failure", "失败", "已失败", "执行失败"],
        "Pause": ["paused", "暂停", "已暂停", "暂停中"],
        "Cancel": ["cancelled", "canceled", "取消", "已取消"],
        "All": ["全部", "所有"],
    }
)
KINDS = _index({"Workflow": ["工作流"], "Job": ["任务", "作业", "独立节点"]})
ORDERS = _index({"Desc": ["newest", "最新", "最新在前", "降序"], "Asc": ["oldest", "最早", "最旧", "最早在前", "升序"]})
RANGES = _index(
    {"today": ["今天", "今日"], "yesterday": ["昨天", "昨日"], "this-week": ["本周", "这周"], "this-month": ["本月"]}
)
UNITS = {"分钟": "m", "小时": "h", "天": "d", "周": "w"}
"""Units of a relative range that are not written as a letter."""

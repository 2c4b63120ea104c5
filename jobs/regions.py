"""What people call the regions of Cloud Infinite. Source: INTL 1045/33423 and INTL 436/6224."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

NAMES: dict[str, _StrPromise] = {
    "ap-beijing": _("Beijing"),
    "ap-nanjing": _("Nanjing"),
    "ap-shanghai": _("Shanghai"),
    "ap-guangzhou": _("Guangzhou"),
    "ap-chengdu": _("Chengdu"),
    "ap-chongqing": _("Chongqing"),
    "ap-hongkong": _("Hong Kong (China)"),
    "ap-singapore": _("Singapore"),
    "ap-mumbai": _("Mumbai"),
    "ap-jakarta": _("Jakarta"),
    "ap-seoul": _("Seoul"),
    "ap-bangkok": _("Bangkok"),
    "ap-tokyo": _("Tokyo"),
    "na-siliconvalley": _("Silicon Valley"),
    "na-ashburn": _("Virginia"),
    "na-toronto": _("Toronto"),
    "sa-saopaulo": _("São Paulo"),
    "eu-frankfurt": _("Frankfurt"),
    "eu-moscow": _("Moscow"),
}


def region_name(region: str) -> str:
    """Return what people call `region`; "" for one we have no name for, because the list of regions grows."""
    return str(NAMES.get(region, ""))

"""Tables of what units, currencies and sizes are called; extend them here.

In:  nothing.   Out: written form -> spoken form.
"""

from __future__ import annotations

UNITS: dict[str, str] = {
    # weight
    "kg": "公斤", "KG": "公斤", "Kg": "公斤", "g": "克", "mg": "毫克", "μg": "微克", "ug": "微克",
    "mcg": "微克", "t": "吨", "lb": "磅", "oz": "盎司",
    # volume
    "ml": "毫升", "mL": "毫升", "ML": "毫升", "L": "升", "l": "升", "cc": "毫升",
    # length and area
    "mm": "毫米", "MM": "毫米", "cm": "厘米", "CM": "厘米", "dm": "分米", "m": "米", "km": "公里",
    "KM": "公里", "μm": "微米", "um": "微米", "nm": "纳米", "in": "英寸",
    "inch": "英寸", "ft": "英尺",
    "m平方": "平方米", "m2": "平方米", "cm平方": "平方厘米", "cm2": "平方厘米",
    "km平方": "平方公里", "m立方": "立方米", "m3": "立方米", "cm立方": "立方厘米",
    # electricity
    "mAh": "毫安时", "mah": "毫安时", "MAH": "毫安时", "MAh": "毫安时", "Ah": "安时", "mA": "毫安",
    "W": "瓦", "w": "瓦", "kW": "千瓦", "KW": "千瓦", "kw": "千瓦", "kWh": "千瓦时", "Wh": "瓦时",
    "V": "伏", "v": "伏", "kV": "千伏", "Hz": "赫兹", "HZ": "赫兹", "hz": "赫兹", "kHz": "千赫",
    "KHz": "千赫", "MHz": "兆赫", "GHz": "吉赫", "Ω": "欧",
    # light, sound, energy, pressure
    "dB": "分贝", "db": "分贝", "DB": "分贝", "lm": "流明", "K": "K", "kcal": "千卡", "cal": "卡",
    "kJ": "千焦", "KJ": "千焦", "J": "焦", "kPa": "千帕", "MPa": "兆帕", "Pa": "帕", "N": "牛",
    # time and speed
    "s": "秒", "ms": "毫秒", "min": "分钟", "h": "小时", "H": "小时", "rpm": "转每分钟",
    "km/h": "公里每小时", "m/s": "米每秒", "L/min": "升每分钟", "r/min": "转每分钟",
    "fps": "帧每秒", "bpm": "次每分钟",
    # the rest
    "px": "像素", "Mbps": "兆每秒", "mg/kg": "毫克每公斤", "mg/L": "毫克每升", "g/L": "克每升",
    "g/m平方": "克每平方米", "g/m2": "克每平方米", "g/100g": "克每一百克",
    "GB": "G B", "MB": "M B", "TB": "T B", "KB": "K B", "G": "G", "T": "T", "D": "D",
}  # fmt: skip
"""Units that follow a number. G alone stays a letter: it may be a network or a memory size."""

CURRENCIES: dict[str, str] = {"¥": "元", "$": "美元", "€": "欧元", "£": "英镑"}

SIZES: dict[str, str] = {
    "XXXXXL": "五X L", "XXXXL": "四X L", "XXXL": "三X L", "XXL": "X X L", "XXS": "X X S",
    "6XL": "六X L", "5XL": "五X L", "4XL": "四X L", "3XL": "三X L", "2XL": "两X L",
    "XL": "X L", "XS": "X S", "S": "S", "M": "M", "L": "L",
}  # fmt: skip
"""Clothing sizes, longest first, as letters that are read one by one."""

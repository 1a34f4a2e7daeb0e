"""A synthetic region: persons who do not exist, in the real schools of four municipalities."""

from demo.region.extracts import write_night
from demo.region.model import Region, build_region
from demo.region.truth import identifiers, write_truth

__all__ = ["Region", "build_region", "identifiers", "write_night", "write_truth"]

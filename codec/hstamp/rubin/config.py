"""Configuration of stamps for Rubin's tasks. Needs ``lsst-pex-config``."""

from __future__ import annotations

from typing import Any

from lsst.pex.config import ChoiceField, Config, Field, ListField, RangeField

from ..errors import InputError
from .masks import PLANES, UNUSABLE
from .stamps import StampOptions

__all__ = ["StampConfig"]


class StampConfig(Config):  # type: ignore[misc]
    """How hierarchical stamps are made; see `StampOptions`."""

    levels = RangeField(
        doc="Levels of a stamp: level k has 15 x 15 pixels of 2**k detector pixels. "
        "Five cover 48 arcsec of LSSTCam.",
        dtype=int, default=StampOptions.levels, min=2, max=8,
    )  # fmt: skip
    encoding = ChoiceField(
        doc="How pixel values are stored.", dtype=str, default=StampOptions.encoding,
        allowed={"i2": "integers, in steps of a fraction of the noise", "f4": "as they are"},
    )  # fmt: skip
    step = Field(
        doc="Step of i2 as a fraction of the noise of each level.",
        dtype=float, default=StampOptions.step, check=lambda step: step > 0,
    )  # fmt: skip
    variance = Field(
        doc="Store the variance of each pixel?", dtype=bool, default=StampOptions.variance
    )
    variance_encoding = ChoiceField(
        doc="How variances are stored.", dtype=str, default=StampOptions.variance_encoding,
        allowed={"log8": "a byte each, in logarithmic steps", "f4": "as they are"},
    )  # fmt: skip
    mask_planes = ListField(
        doc="Mask planes to store, in order of preference: of those that an image has, the first "
        "sixteen. With at most eight a mask takes one byte a pixel instead of two. Names of "
        "lsst.afw and of lsst.images may stand beside each other. Empty: no mask.",
        dtype=str, default=PLANES,
    )  # fmt: skip
    unusable_planes = ListField(
        doc="Mask planes whose pixels have no value.", dtype=str, default=UNUSABLE
    )
    psf = ChoiceField(
        doc="Which PSF a stamp carries.", dtype=str, default=StampOptions.psf,
        allowed={
            "average": "that of the detector's middle, drawn once",
            "source": "that at the source; drawing it takes longer than all else",
            "none": "none",
        },
    )  # fmt: skip
    psf_size = Field(
        doc="Side of the stored PSF, odd [pixel].", dtype=int, default=StampOptions.psf_size
    )

    def validate(self) -> None:
        """Raise ValueError, as Config does, for options that do not fit together."""
        super().validate()
        try:
            self.options()
        except InputError as exc:
            raise ValueError(exc.reason) from exc

    def options(self) -> StampOptions:
        """Return the options as the encoder takes them."""
        chosen: dict[str, Any] = self.toDict()
        return StampOptions(unusable=chosen.pop("unusable_planes"), **chosen)

"""Validation: everything that users pass to estimators, checked in one place."""

from sklenet._validation._hints import nearest_parameter
from sklenet._validation._images import as_rows
from sklenet._validation._inputs import validate_fit, validate_partial_fit, validate_predict
from sklenet._validation._targets import as_labels

__all__ = ["as_labels", "as_rows", "nearest_parameter", "validate_fit", "validate_partial_fit", "validate_predict"]

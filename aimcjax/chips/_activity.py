"""What one inference does: counted where layers are known, in `aimcjax.nn`."""

from ..nn import Activity as Activity, count_activity as count_activity

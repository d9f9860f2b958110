"""The layout of a result file, as writer and reader share it; does neither itself.

/                            format, format_version, neurosim_version, seed, backend, status, spec, created,
                             status_step, _time, _part, _unit, _column, _message, saturated
/connectivity/<projection>/  source, target, kind, unit
    weights                  (n_post, n_pre)
    biases                   (n_post,), where there are any
    device/<parameter>       (n_post, n_pre)
/learning/<measure>          (n_points, …); axis, unit
/traces/<part>/<variable>    (n_columns, n_times, n_units); unit, dt
/spikes/<part>/              times (s), units, columns: (n_spikes,)
/verification/<check>        a group: value, tolerance, passed, detail, gating, position
/devices/<part>/<parameter>  (n_units,)
/budget/<signal>/<imperfection>  a group: shift, spread, second, angle, share, and what was emulated
/checkpoint                  epochs, nights, and the status of the last epoch as in the root; empty: none
    <kind>/<name>            what a run carries on, see neurosim.result.Checkpoint
/provenance                  one attribute for each entry

Arrays are float64 data sets, shown by their shape; everything else named here is an attribute. Members of
a group stand in the order they were given in, which is that of the network.
"""

from __future__ import annotations

FORMAT = "neurosim"
FORMAT_VERSION = 1

GROUPS = (
    "connectivity",
    "learning",
    "traces",
    "spikes",
    "verification",
    "devices",
    "budget",
    "checkpoint",
    "provenance",
)
"""Groups of the root, each under the name of its field in Result; always there, if empty."""
LATER = ("spikes", "budget", "checkpoint")
"""Those that files written by earlier versions do not have."""

SPIKES = ("times", "units", "columns")
"""Arrays of spikes, by the fields of Spikes."""

STATUS_FIELDS: dict[str, tuple[str, type]] = {
    "step": ("status_step", int),
    "time": ("status_time", float),
    "part": ("status_part", str),
    "unit": ("status_unit", int),
    "column": ("status_column", int),
    "message": ("status_message", str),
    "saturated": ("saturated", float),
}
"""Field of Status → root attribute and its type; the field `kind` is the attribute `status`."""

{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# The host knows the step: no kernel is started where the gate is shut. #}
{% extends 'stateupdate.cu' %}
{% block host_maincode %}
    {{_clockwork|autoindent}}
    static const bool _is_awake = {{_awake}};  // parameters do not change within a run
    if (!(_is_awake && ({{_condition}}))) return;
{% endblock %}

{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'stateupdate.cpp' %}
{% block maincode %}
    {{_clockwork|autoindent}}
    static const bool _is_awake = {{_awake}};  // parameters do not change within a run
    if (_is_awake && ({{_condition}}))
    {
    {{ super() }}
    }
{% endblock %}

{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'stateupdate.cpp' %}
{% block maincode %}
    {{_clockwork|autoindent}}
    if ({{_condition}})
    {
    {{ super() }}
    }
{% endblock %}

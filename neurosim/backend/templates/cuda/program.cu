{% extends 'common_group.cu' %}
{% block extra_headers %}
#include "neurosim_cuda.h"
{% endblock %}
{% block random_functions %}
{% endblock %}
{% block kernel %}
{% endblock %}
{% block define_N %}
{% endblock %}
{% block host_maincode %}
    {{_clockwork|autoindent}}
    {{_operations|autoindent}}
{% endblock %}
{% block prepare_kernel %}
{% endblock %}
{% block kernel_call %}
{% endblock %}

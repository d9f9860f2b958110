{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cstring>
#include <vector>
#include "network.h"
#include "neurosim_io.h"
#include "neurosim_meet.h"
#include "neurosim_products.h"
#include "neurosim_rest.h"
{% endblock %}
{% block maincode %}
    {{_clockwork|autoindent}}
    {{_operations|autoindent}}
{% endblock %}

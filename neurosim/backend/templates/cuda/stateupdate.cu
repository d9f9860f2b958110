{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# One thread for each element. What all elements share is worked out by every thread and written by one, in a kernel
   that follows: written at once, other threads would read it before their turn. #}
{% extends 'common_group.cu' %}
{% block extra_headers %}
#include "neurosim_cuda.h"
{% endblock %}
{% block random_functions %}
{% endblock %}
{% block kernel_maincode %}
    {{without_writes(one_type(scalar_code, owner))|autoindent}}
    {
        {{one_type(vector_code, owner)|autoindent}}
    }
{% endblock %}
{% block extra_kernel_definitions %}
{% if writes(one_type(scalar_code, owner)) %}
__global__ void _run_shared_{{codeobj_name}}(
    int _N,
    int THREADS_PER_BLOCK,
    ///// KERNEL_PARAMETERS /////
    %KERNEL_PARAMETERS%
    )
{
    using namespace brian;
    const int _idx = 0, _vectorisation_idx = 0;
    ///// KERNEL_CONSTANTS /////
    %KERNEL_CONSTANTS%
    {{kernel_lines|autoindent}}
    {{one_type(scalar_code, owner)|autoindent}}
}
{% endif %}
{% endblock %}
{% block occupancy %}
{% endblock %}
{% block update_occupancy %}
{% endblock %}
{% block kernel_info %}
{% endblock %}
{% block extra_kernel_call_post %}
{% if writes(one_type(scalar_code, owner)) %}
    _run_shared_{{codeobj_name}}<<<1, 1>>>(
            _N,
            1,
            ///// HOST_PARAMETERS /////
            %HOST_PARAMETERS%
        );
    CUDA_CHECK_ERROR("_run_shared_{{codeobj_name}}");
{% endif %}
{% endblock %}

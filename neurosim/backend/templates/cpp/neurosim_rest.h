// Steps of circuits at rest are not taken one by one: one of them stands for all until a gate opens.
#ifndef NEUROSIM_REST_H
#define NEUROSIM_REST_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "neurosim_real.h"

namespace neurosim {

// The first step after k at which a gate opens: the controller is turned on, a window or plasticity begins, the last.
inline int64_t next_gate(int64_t k, int64_t period, int64_t settle_steps, int64_t window_steps, int64_t plastic_from)
{
    int64_t next = period - 1;
    if (settle_steps > k && settle_steps < next) next = settle_steps;
    if (plastic_from > k && plastic_from < next) next = plastic_from;
    if (window_steps > 0 && k >= settle_steps)
    {
        const int64_t window = settle_steps + ((k - settle_steps) / window_steps + 1) * window_steps;
        if (window < next) next = window;
    }
    return next;
}

// When states are kept, and when they are looked at.
class RestSteps
{
    const int every;  // steps between two looks
    int64_t kept_at = -1;
public:
    explicit RestSteps(int steps) : every(steps) {}

    // Whether states are to be kept in step k of a presentation, the run's step `at`.
    bool keeps(int64_t k, int64_t at)
    {
        if (k % every != every - 2) return false;
        kept_at = at;
        return true;
    }
    bool looks(int64_t at) const { return kept_at >= 0 && at == kept_at + 1; }
};

// What the states were, and how far they have moved since.
class Rest : public RestSteps
{
    std::vector<Real> before;
    size_t seen = 0;
    double furthest = 0;
public:
    Rest(size_t size, int steps) : RestSteps(steps), before(size) {}

    bool keeps(int64_t k, int64_t at)
    {
        seen = 0;
        return RestSteps::keeps(k, at);
    }
    void keep(const Real* values, size_t count)
    {
        std::memcpy(&before[seen], values, sizeof(Real) * count);
        seen += count;
    }
    void look(const Real* values, size_t count, double scale)
    {
        if (seen == 0) furthest = 0;
        Real most = 0;
        for (size_t i = 0; i < count; i++)
        {
            const Real moved = std::fabs(values[i] - before[seen + i]);
            most = moved > most ? moved : most;
        }
        seen += count;
        if (most / scale > furthest) furthest = most / scale;
    }
    double moved() const { return furthest; }
};

}
#endif

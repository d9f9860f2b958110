// Runs that learn the same weights, each from some of the columns: they add up what they have summed.
#ifndef NEUROSIM_MEET_H
#define NEUROSIM_MEET_H

#include <atomic>
#include <cstring>
#include <sched.h>

#include "neurosim_io.h"

namespace neurosim {

class Meeting
{
    // In the file that they share, before the numbers of every run, twice: one set is read while the other is filled.
    // Who started the runs counts those that have ended, and asks them to end.
    struct Head
    {
        std::atomic<int64_t> arrived, released, left, asked_to_end;
        int64_t unused[4];
    };

    Head* head;
    Real* numbers;
    const int64_t count;
    const int parts;
    int part;
    int64_t round = 0;

public:
    Meeting(int64_t count, int parts) : count(count), parts(parts)
    {
        const Mapped own(path("part"));
        part = (int)*(const int64_t*)own.data;
        const int descriptor = open(path("meeting").c_str(), O_RDWR);
        const size_t size = sizeof(Head) + 2 * sizeof(Real) * count * parts;
        void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (descriptor < 0 || address == MAP_FAILED) fail("cannot map " + path("meeting"));
        close(descriptor);
        head = (Head*)address;
        numbers = (Real*)((char*)address + sizeof(Head));
    }

    // What this run adds, from `offset` on.
    void give(const Real* values, int64_t size, int64_t offset)
    {
        std::memcpy(place(part) + offset, values, sizeof(Real) * size);
    }

    // Wait until all have given. False: one of them has broken off and will not come.
    bool wait()
    {
        const int64_t all = (round + 1) * parts;
        if (++head->arrived == all) head->released = 2 * (round + 1) + (head->asked_to_end != 0);
        for (int turns = 0; head->released < 2 * (round + 1); turns++)
        {
            if (head->left && head->arrived < all) return false;
            if (turns > 200) sched_yield();
        }
        return true;
    }

    // The sum over all runs, in the same order in each of them.
    void take(Real* values, int64_t size, int64_t offset) const
    {
        std::memcpy(values, place(0) + offset, sizeof(Real) * size);
        for (int other = 1; other < parts; other++)
        {
            const Real* given = place(other) + offset;
            for (int64_t i = 0; i < size; i++) values[i] += given[i];
        }
    }

    // Whether all of them were asked to end here.
    bool over()
    {
        round++;
        return head->released & 1;
    }

private:
    Real* place(int which) const { return numbers + ((round & 1) * parts + which) * count; }
};

}  // namespace neurosim

#endif

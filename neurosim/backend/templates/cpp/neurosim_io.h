// Input and output of a compiled emulation: the stimulus read through memory maps, recordings appended to
// files, progress and breakdowns told to the process that waits. All files lie in brian::results_dir.
#ifndef NEUROSIM_IO_H
#define NEUROSIM_IO_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include <csignal>
#include <fcntl.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "neurosim_real.h"

namespace brian { extern std::string results_dir; }

namespace neurosim {

[[noreturn]] inline void fail(const std::string& what)
{
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(4);
}

inline std::string path(const char* name) { return brian::results_dir + name; }

struct Mapped
{
    const char* data = nullptr;
    size_t size = 0;

    explicit Mapped(const std::string& file)
    {
        const int descriptor = open(file.c_str(), O_RDONLY);
        struct stat info;
        if (descriptor < 0 || fstat(descriptor, &info) != 0) fail("cannot open " + file);
        size = (size_t)info.st_size;
        void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (address == MAP_FAILED) fail("cannot map " + file);
        data = (const char*)address;
        close(descriptor);
    }
};

// A stimulus file: int64 kind (0 float64, 1 float32, 2 uint8), int64 samples, int64 units, double scale, samples.
struct Samples
{
    int64_t kind, samples, units;
    double scale;
    const char* data;

    explicit Samples(const char* name)
    {
        const std::string file = path(name);
        const Mapped* mapped = new Mapped(file);
        if (mapped->size < 32) fail("too short: " + file);
        const int64_t* header = (const int64_t*)mapped->data;
        kind = header[0]; samples = header[1]; units = header[2];
        scale = *(const double*)(mapped->data + 24);
        data = mapped->data + 32;
    }

    template <class T> void copy(Real* target, const int32_t* order, int n_units, int n_columns) const
    {
        const T* values = (const T*)data;
        for (int column = 0; column < n_columns; column++)
        {
            const T* sample = values + (int64_t)order[column] * units;
            for (int unit = 0; unit < n_units; unit++) target[(int64_t)unit * n_columns + column] = scale * sample[unit];
        }
    }
};

// A program whose caller was killed has nobody left to run for.
inline void end_with_caller()
{
#ifdef __linux__
    static const int done = prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)done;
#endif
}

// Which samples the columns of a presentation show; an order for fewer columns holds again and again.
inline const int32_t* order_of(int64_t presentation, int64_t presentations, int n_columns)
{
    static const Mapped mapped(path("order"));
    static std::vector<int32_t> repeated;
    const int64_t width = (int64_t)(mapped.size / sizeof(int32_t)) / presentations;
    const int32_t* order = (const int32_t*)mapped.data + presentation * width;
    if (width == n_columns) return order;
    repeated.resize(n_columns);
    for (int column = 0; column < n_columns; column++) repeated[column] = order[column % width];
    return repeated.data();
}

inline void feed(const Samples& source, Real* target, int64_t presentation, int64_t presentations, int n_units,
                 int n_columns)
{
    end_with_caller();
    const int32_t* order = order_of(presentation, presentations, n_columns);
    if (source.kind == 0) source.copy<double>(target, order, n_units, n_columns);
    else if (source.kind == 1) source.copy<float>(target, order, n_units, n_columns);
    else source.copy<uint8_t>(target, order, n_units, n_columns);
}

class Recorder
{
    std::FILE* file;
public:
    explicit Recorder(const char* name) : file(std::fopen(path(name).c_str(), "wb"))
    {
        if (!file) fail("cannot write " + path(name));
    }
    ~Recorder() { if (file && std::fclose(file) != 0) std::fprintf(stderr, "recording could not be written\n"); }
    void append(const Real* values, size_t count)
    {
        if (std::fwrite(values, sizeof(Real), count, file) != count) fail("disk full while recording");
    }
};

template <class T> inline bool any(const T* values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) if (values[i] != 0) return true;
    return false;
}

// The first element that is not within the bound (NaN never is), or -1.
inline int64_t first_outside(const Real* values, int64_t count, Real bound)
{
    int64_t outside = 0;
    for (int64_t i = 0; i < count; i++) outside += !(std::fabs(values[i]) <= bound);
    if (outside == 0) return -1;
    for (int64_t i = 0; i < count; i++) if (!(std::fabs(values[i]) <= bound)) return i;
    return -1;
}

inline void tell_stop(int64_t chip, int64_t step, int source, int64_t index)
{
    std::FILE* file = std::fopen(path("stop").c_str(), "a");
    if (!file) fail("cannot write " + path("stop"));
    std::fprintf(file, "%lld %lld %d %lld\n", (long long)chip, (long long)step, source, (long long)index);
    std::fclose(file);
}

// The chips whose states have left all bounds; each is told of once.
class Stops
{
    std::vector<char> out;
    int left;

public:
    explicit Stops(int chips) : out(chips, 0), left(chips) {}

    // Whether none is left within.
    bool look(int64_t step, int source, const Real* values, int64_t count, int n_columns, Real bound)
    {
        int64_t index = first_outside(values, count, bound);
        if (index < 0) return left == 0;
        const int64_t columns = n_columns / (int64_t)out.size();
        for (; index < count; index++)
        {
            const int64_t chip = index % n_columns / columns;
            if (!out[chip] && !(std::fabs(values[index]) <= bound)) tell(chip, step, source, index);
        }
        return left == 0;
    }

private:
    void tell(int64_t chip, int64_t step, int source, int64_t index)
    {
        out[chip] = 1;
        left--;
        tell_stop(chip, step, source, index);
    }
};

inline void report_progress(int64_t done)
{
    static int64_t* shared = nullptr;
    if (!shared)
    {
        const int descriptor = open(path("progress").c_str(), O_RDWR);
        if (descriptor < 0) fail("cannot open " + path("progress"));
        void* address = mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (address == MAP_FAILED) fail("cannot map " + path("progress"));
        shared = (int64_t*)address;
        close(descriptor);
    }
    *shared = done;
}

}  // namespace neurosim

#endif

// The dense operations of a step on arrays of a GPU, called by the host, which knows the step and the gates. All arrays
// are where kernels of Brian2's code find them; what the host reads it copies first.
#ifndef NEUROSIM_CUDA_H
#define NEUROSIM_CUDA_H

#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "neurosim_io.h"
#include "neurosim_real.h"
#include "neurosim_rest.h"

namespace neurosim {

// An interrupt, answered where a presentation ends.
inline volatile std::sig_atomic_t& interrupts()
{
    static volatile std::sig_atomic_t count = 0;
    return count;
}
inline void ask_to_end(int) { interrupts() = 1; }
inline bool asked_to_end() { return interrupts() != 0; }

inline void check(cudaError_t status, const char* what)
{
    if (status != cudaSuccess) fail(std::string(what) + ": " + cudaGetErrorString(status));
}

inline void check(cublasStatus_t status, const char* what)
{
    if (status != CUBLAS_STATUS_SUCCESS) fail(std::string(what) + ": cuBLAS status " + std::to_string((int)status));
}

inline void upload(void* device, const void* host, size_t bytes)
{
    check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "copy to the GPU");
}

inline void download(void* host, const void* device, size_t bytes)
{
    check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "copy from the GPU");
}

// An array of the GPU's that lives as long as the program.
template <class T> class Device
{
    T* place = nullptr;
    size_t count = 0;
public:
    explicit Device(size_t size = 0) { resize(size); }
    void resize(size_t size)
    {
        if (size <= count) return;
        if (place) check(cudaFree(place), "free");
        check(cudaMalloc((void**)&place, size * sizeof(T)), "GPU memory");
        count = size;
    }
    T* data() const { return place; }
};

template <class F> __global__ void run_each(int64_t count, F f)
{
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) f(i);
}

// f(0), …, f(count - 1), in no order.
template <class F> inline void each(int64_t count, F f)
{
    const int threads = 256;
    if (count <= 0) return;
    run_each<<<(unsigned)((count + threads - 1) / threads), threads>>>(count, f);
    check(cudaGetLastError(), "kernel");
}

struct AddTo { Real* target; const Real* source; __device__ void operator()(int64_t i) const { target[i] += source[i]; } };
struct SquareOf
{
    Real* target; const Real* source;
    __device__ void operator()(int64_t i) const { target[i] = source[i] * source[i]; }
};
struct ScatterBy
{
    Real* target; const Real *variance, *normals;
    __device__ void operator()(int64_t i) const { target[i] += sqrt(variance[i]) * normals[i]; }
};
struct Scale { Real* target; Real factor; __device__ void operator()(int64_t i) const { target[i] *= factor; } };
struct One { Real* target; __device__ void operator()(int64_t i) const { target[i] = 1; } };
// One number of every row, in all its columns.
struct Spread
{
    Real* target; const Real* source; int64_t columns;
    __device__ void operator()(int64_t i) const { target[i] = source[i / columns]; }
};

inline cublasHandle_t blas()
{
    static cublasHandle_t handle = nullptr;
    if (!handle) check(cublasCreate(&handle), "cublasCreate");
    return handle;
}

inline void gemm(cublasOperation_t a_is, cublasOperation_t b_is, int m, int n, int k, const double* a, int lda,
                 const double* b, int ldb, double beta, double* c, int ldc)
{
    const double one = 1;
    check(cublasDgemm(blas(), a_is, b_is, m, n, k, &one, a, lda, b, ldb, &beta, c, ldc), "cublasDgemm");
}

inline void gemm(cublasOperation_t a_is, cublasOperation_t b_is, int m, int n, int k, const float* a, int lda,
                 const float* b, int ldb, float beta, float* c, int ldc)
{
    const float one = 1;
    check(cublasSgemm(blas(), a_is, b_is, m, n, k, &one, a, lda, b, ldb, &beta, c, ldc), "cublasSgemm");
}

inline void gemv(int m, int n, const double* a, int lda, const double* x, double beta, double* y)
{
    const double one = 1;
    check(cublasDgemv(blas(), CUBLAS_OP_T, m, n, &one, a, lda, x, 1, &beta, y, 1), "cublasDgemv");
}

inline void gemv(int m, int n, const float* a, int lda, const float* x, float beta, float* y)
{
    const float one = 1;
    check(cublasSgemv(blas(), CUBLAS_OP_T, m, n, &one, a, lda, x, 1, &beta, y, 1), "cublasSgemv");
}

// target = weights source + beta target, rows of matrices one after the other; cuBLAS sees them transposed.
inline void product(Real* target, const Real* weights, const Real* source, int n_post, int n_pre, int n_columns, Real beta)
{
    gemm(CUBLAS_OP_N, CUBLAS_OP_N, n_columns, n_post, n_pre, source, n_columns, weights, n_pre, beta, target, n_columns);
}

// target = post preT + beta target.
inline void outer(Real* target, const Real* post, const Real* pre, int n_post, int n_pre, int n_columns, Real beta)
{
    gemm(CUBLAS_OP_T, CUBLAS_OP_N, n_pre, n_post, n_columns, pre, n_columns, post, n_columns, beta, target, n_pre);
}

// target = the sums of rows of source + beta target.
inline void row_sums(Real* target, const Real* source, int rows, int columns, Real beta)
{
    static Device<Real> ones;
    static int made = 0;
    if (made < columns)
    {
        ones.resize(columns);
        each(columns, One{ones.data()});
        made = columns;
    }
    gemv(columns, rows, source, columns, ones.data(), beta, target);
}

// Of chips that stand side by side: (units, chips, columns) and (n_post, n_pre, chips), see equations/operations.py.
struct ProductOfChips
{
    Real* target; const Real *weights, *source, *bias;
    int64_t n_pre, chips, columns;
    __device__ void operator()(int64_t i) const
    {
        const int64_t column = i % columns, chip = i / columns % chips, post = i / columns / chips;
        Real sum = bias ? bias[post * chips + chip] : (Real)0;
        for (int64_t pre = 0; pre < n_pre; pre++)
            sum += weights[(post * n_pre + pre) * chips + chip] * source[(pre * chips + chip) * columns + column];
        target[i] = sum;
    }
};

struct OuterOfChips
{
    Real* target; const Real *post, *pre;
    int64_t n_pre, chips, columns;
    bool accumulate;
    __device__ void operator()(int64_t i) const
    {
        const int64_t chip = i % chips, before = i / chips % n_pre, after = i / chips / n_pre;
        Real sum = accumulate ? target[i] : (Real)0;
        for (int64_t column = 0; column < columns; column++)
            sum += post[(after * chips + chip) * columns + column] * pre[(before * chips + chip) * columns + column];
        target[i] = sum;
    }
};

// The largest of a column, or its sum, in every one of n_targets rows.
struct ColumnReduce
{
    Real* target; const Real* source;
    int64_t n_units, n_columns, n_targets;
    bool largest;
    __device__ void operator()(int64_t column) const
    {
        Real found = largest ? source[column] : (Real)0;
        for (int64_t unit = 0; unit < n_units; unit++)
        {
            const Real value = source[unit * n_columns + column];
            found = !largest ? found + value : value > found ? value : found;
        }
        for (int64_t unit = 0; unit < n_targets; unit++) target[unit * n_columns + column] = found;
    }
};

template <class T> struct FeedFrom
{
    Real* target; const T* samples; const int32_t* order;
    int64_t units, columns;
    double scale;
    __device__ void operator()(int64_t i) const
    {
        target[i] = scale * samples[(int64_t)order[i % columns] * units + i / columns];
    }
};

// A stimulus, all of it on the GPU.
class DeviceSamples
{
    Samples samples;
    Device<char> place;
    Device<int32_t> order;
public:
    explicit DeviceSamples(const char* name) : samples(name)
    {
        const size_t sizes[] = {sizeof(double), sizeof(float), sizeof(uint8_t)};
        const size_t bytes = sizes[samples.kind] * samples.samples * samples.units;
        place.resize(bytes);
        upload(place.data(), samples.data, bytes);
    }
    template <class T> void copy(Real* target, int n_units, int n_columns) const
    {
        const T* values = (const T*)place.data();
        each((int64_t)n_units * n_columns,
             FeedFrom<T>{target, values, order.data(), samples.units, n_columns, samples.scale});
    }
    void feed(Real* target, int64_t presentation, int64_t presentations, int n_units, int n_columns)
    {
        end_with_caller();
        order.resize(n_columns);
        upload(order.data(), order_of(presentation, presentations, n_columns), sizeof(int32_t) * n_columns);
        if (samples.kind == 0) copy<double>(target, n_units, n_columns);
        else if (samples.kind == 1) copy<float>(target, n_units, n_columns);
        else copy<uint8_t>(target, n_units, n_columns);
    }
};

class DeviceRecorder
{
    Recorder recorder;
    std::vector<Real> host;
public:
    explicit DeviceRecorder(const char* name) : recorder(name) {}
    void append(const Real* values, size_t count)
    {
        host.resize(count);
        download(host.data(), values, sizeof(Real) * count);
        recorder.append(host.data(), count);
    }
};

typedef unsigned long long Bits;

// The first element of each chip that is out of bounds in this step: source, then index.
struct OutOf
{
    Bits* first; const Real* values;
    Bits source;
    int64_t columns_of_all, columns;
    Real bound;
    __device__ void operator()(int64_t i) const
    {
        if (!(fabs(values[i]) <= bound)) atomicMin(&first[i % columns_of_all / columns], source << 40 | (Bits)i);
    }
};

// When that was for the first time.
struct Note
{
    const Bits* first;
    Bits *kept, *step;
    Bits now;
    __device__ void operator()(int64_t chip) const
    {
        if (first[chip] != ~0ULL && step[chip] == ~0ULL)
        {
            kept[chip] = first[chip];
            step[chip] = now;
        }
    }
};

// The chips whose states have left all bounds, found by the GPU in every step and by the host now and then.
class DeviceStops
{
    static const int every = 32;  // steps between two looks of the host, which has to wait for the GPU. Chosen.
    const int chips;
    Device<Bits> first, kept, step;
    std::vector<Bits> host_kept, host_step;
    std::vector<char> told;
    int left;
public:
    explicit DeviceStops(int number)
        : chips(number), first(number), kept(number), step(number), host_kept(number), host_step(number),
          told(number, 0), left(number)
    {
        for (Bits* each : {first.data(), kept.data(), step.data()})
            check(cudaMemset(each, 0xFF, sizeof(Bits) * chips), "memset");
    }
    void look(int source, const Real* values, int64_t count, int n_columns, Real bound)
    {
        each(count, OutOf{first.data(), values, (Bits)source, n_columns, n_columns / chips, bound});
    }
    // Whether none is left within, as far as the host knows; it does where it has to: before a presentation's weights
    // change. Weights that change in every step do so some steps longer, and are worth nothing by then.
    bool all_out(int64_t now, bool has_to_know)
    {
        each(chips, Note{first.data(), kept.data(), step.data(), (Bits)now});
        if (!has_to_know && now % every != every - 1) return left == 0;
        download(host_step.data(), step.data(), sizeof(Bits) * chips);
        download(host_kept.data(), kept.data(), sizeof(Bits) * chips);
        for (int chip = 0; chip < chips; chip++)
        {
            if (told[chip] || host_step[chip] == ~0ULL) continue;
            told[chip] = 1;
            left--;
            tell_stop(chip, (int64_t)host_step[chip], (int)(host_kept[chip] >> 40),
                      (int64_t)(host_kept[chip] & ((1ULL << 40) - 1)));
        }
        return left == 0;
    }
    // Whether the last of them left before this step: then it should not have been taken.
    bool before(int64_t now) const
    {
        for (int chip = 0; chip < chips; chip++) if (!told[chip] || (int64_t)host_step[chip] >= now) return false;
        return true;
    }
};

// How far the furthest state has moved since a copy was made, over its scale; bits of numbers that are not negative
// are in their order.
struct Moved
{
    Bits* furthest; const Real *now, *before;
    double scale;
    __device__ void operator()(int64_t i) const
    {
        const double moved = fabs((double)now[i] - (double)before[i]) / scale;
        Bits bits;
        memcpy(&bits, &moved, sizeof bits);
        if (moved > 0) atomicMax(furthest, bits);
    }
};

class DeviceRest : public RestSteps
{
    Device<Real> before;
    Device<Bits> furthest;
    size_t seen = 0;
public:
    DeviceRest(size_t size, int steps) : RestSteps(steps), before(size), furthest(1) {}

    bool keeps(int64_t k, int64_t at)
    {
        seen = 0;
        check(cudaMemset(furthest.data(), 0, sizeof(Bits)), "memset");
        return RestSteps::keeps(k, at);
    }
    void keep(const Real* values, size_t count)
    {
        check(cudaMemcpy(before.data() + seen, values, sizeof(Real) * count, cudaMemcpyDeviceToDevice), "copy");
        seen += count;
    }
    void look(const Real* values, size_t count, double scale)
    {
        each(count, Moved{furthest.data(), values, before.data() + seen, scale});
        seen += count;
    }
    double moved() const
    {
        double found;
        download(&found, furthest.data(), sizeof found);
        return found;
    }
};

}  // namespace neurosim

#endif

// The CUDA that generated projects use, on a processor: kernels are functions, threads are turns of a loop, the memory
// of the GPU is memory of its own, so that what is not copied is not there. For tests of what a project computes.
#ifndef CUDA_ON_CPU_H
#define CUDA_ON_CPU_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
#include <cblas.h>

#define CURAND_H_
#define __CUDACC__
#define __CUDA_ARCH__ 900
#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline

using std::min;
using std::max;

struct Place { unsigned x, y, z; };
static Place threadIdx = {0, 0, 0}, blockIdx = {0, 0, 0}, blockDim = {1, 1, 1}, gridDim = {1, 1, 1};

// What lies in the memory of the GPU: a kernel may be given nothing else, and copies go where they say.
inline std::map<const char*, size_t>& on_gpu()
{
    static std::map<const char*, size_t> found;
    return found;
}
inline bool lies_on_gpu(const void* at)
{
    auto after = on_gpu().upper_bound((const char*)at);
    if (after == on_gpu().begin()) return false;
    --after;
    return (const char*)at < after->first + after->second;
}
inline void demand(bool holds, const char* what)
{
    if (holds) return;
    std::fprintf(stderr, "on a GPU this would fail: %s\n", what);
    std::exit(6);
}
template <class A> void demand_on_gpu(const A&) {}
template <class T> void demand_on_gpu(T* const& at) { demand(lies_on_gpu(at), "a kernel is given memory of the host's"); }

// kernel<<<blocks, threads>>>(a, b) is written as ON_CPU(kernel, blocks, threads)(a, b). Threads run from the last to
// the first: nothing may depend on their order.
template <class F> struct Launch
{
    F kernel;
    unsigned blocks, threads;
    template <class... A> void operator()(A... a) const
    {
        (demand_on_gpu(a), ...);
        blockDim.x = threads;
        gridDim.x = blocks;
        for (unsigned b = blocks; b-- > 0;)
            for (unsigned t = threads; t-- > 0;)
            {
                blockIdx.x = b;
                threadIdx.x = t;
                kernel(a...);
            }
    }
};
template <class F> Launch<F> launched(F kernel, unsigned blocks, unsigned threads) { return {kernel, blocks, threads}; }
#define ON_CPU(kernel, blocks, threads) launched([](auto... a) { kernel(a...); }, blocks, threads)

template <class T> T atomicAdd(T* at, T value) { T old = *at; *at += value; return old; }
template <class T> T atomicMin(T* at, T value) { T old = *at; *at = std::min(old, value); return old; }
template <class T> T atomicMax(T* at, T value) { T old = *at; *at = std::max(old, value); return old; }
template <class T, class S> T atomicCAS(T* at, T compared, S value)
{
    T old = *at;
    if (old == compared) *at = (T)value;
    return old;
}
template <class T, class S> T bits_as(S value) { T found; std::memcpy(&found, &value, sizeof found); return found; }
inline int __float_as_int(float x) { return bits_as<int>(x); }
inline float __int_as_float(int x) { return bits_as<float>(x); }
inline long long __double_as_longlong(double x) { return bits_as<long long>(x); }
inline double __longlong_as_double(long long x) { return bits_as<double>(x); }

typedef int cudaError_t;
typedef cudaError_t cudaError;
enum { cudaSuccess = 0, cudaLimitMallocHeapSize = 0 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
struct cudaDeviceProp
{
    int multiProcessorCount = 1, maxThreadsPerBlock = 64, maxThreadsPerMultiProcessor = 64, warpSize = 32;
    size_t sharedMemPerBlock = 0;
};
struct cudaFuncAttributes
{
    int maxThreadsPerBlock = 64, numRegs = 0;
    size_t sharedSizeBytes = 0, localSizeBytes = 0, constSizeBytes = 0;
};
inline const char* cudaGetErrorString(cudaError_t) { return "none"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceSetLimit(int, size_t) { return cudaSuccess; }
inline cudaError_t cudaProfilerStart() { return cudaSuccess; }
inline cudaError_t cudaProfilerStop() { return cudaSuccess; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int) { *found = cudaDeviceProp(); return cudaSuccess; }
inline cudaError_t cudaMemGetInfo(size_t* free, size_t* total) { *free = *total = 1 << 30; return cudaSuccess; }
// What is not set before it is read is NaN.
inline cudaError_t cudaMalloc(void** at, size_t bytes)
{
    *at = std::malloc(bytes ? bytes : 1);
    std::memset(*at, 0xFF, bytes);
    on_gpu()[(const char*)*at] = bytes ? bytes : 1;
    return cudaSuccess;
}
template <class T> cudaError_t cudaMalloc(T** at, size_t bytes) { return cudaMalloc((void**)at, bytes); }
inline cudaError_t cudaFree(void* at)
{
    on_gpu().erase((const char*)at);
    std::free(at);
    return cudaSuccess;
}
inline cudaError_t cudaMemset(void* at, int value, size_t bytes)
{
    demand(lies_on_gpu(at), "cudaMemset of memory of the host's");
    std::memset(at, value, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind)
{
    demand(lies_on_gpu(to) == (kind != cudaMemcpyDeviceToHost), "a copy to the wrong place");
    demand(lies_on_gpu(from) == (kind != cudaMemcpyHostToDevice), "a copy from the wrong place");
    std::memmove(to, from, bytes);
    return cudaSuccess;
}
template <class T> cudaError_t cudaMemcpyToSymbol(T& symbol, const void* from, size_t bytes)
{
    std::memcpy(&symbol, from, bytes);
    return cudaSuccess;
}
template <class F> cudaError_t cudaOccupancyMaxPotentialBlockSize(int* blocks, int* threads, F, size_t, int)
{
    *blocks = 1;
    *threads = 8;
    return cudaSuccess;
}
template <class F> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* found, F)
{
    *found = cudaFuncAttributes();
    return cudaSuccess;
}

typedef int* cublasHandle_t;
enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0 };
enum cublasOperation_t { CUBLAS_OP_N = CblasNoTrans, CUBLAS_OP_T = CblasTrans };
inline cublasStatus_t cublasCreate(cublasHandle_t* handle) { *handle = new int; return CUBLAS_STATUS_SUCCESS; }
#define OF_BLAS(name) scipy_cblas_##name
#define WITH(letter, upper, real)                                                                                      \
    inline cublasStatus_t cublas##upper##gemm(cublasHandle_t, cublasOperation_t a_is, cublasOperation_t b_is, int m,     \
        int n, int k, const real* alpha, const real* a, int lda, const real* b, int ldb, const real* beta, real* c,    \
        int ldc)                                                                                                       \
    {                                                                                                                  \
        OF_BLAS(letter##gemm)(CblasColMajor, (CBLAS_TRANSPOSE)a_is, (CBLAS_TRANSPOSE)b_is, m, n, k, *alpha, a, lda, b, \
            ldb, *beta, c, ldc);                                                                                       \
        return CUBLAS_STATUS_SUCCESS;                                                                                  \
    }                                                                                                                  \
    inline cublasStatus_t cublas##upper##gemv(cublasHandle_t, cublasOperation_t a_is, int m, int n, const real* alpha,   \
        const real* a, int lda, const real* x, int incx, const real* beta, real* y, int incy)                          \
    {                                                                                                                  \
        OF_BLAS(letter##gemv)(CblasColMajor, (CBLAS_TRANSPOSE)a_is, m, n, *alpha, a, lda, x, incx, *beta, y, incy);    \
        return CUBLAS_STATUS_SUCCESS;                                                                                  \
    }
WITH(d, D, double)
WITH(s, S, float)

// No random numbers are drawn: noise is a function of its counter.
enum curandStatus_t
{
    CURAND_STATUS_SUCCESS, CURAND_STATUS_VERSION_MISMATCH, CURAND_STATUS_NOT_INITIALIZED, CURAND_STATUS_ALLOCATION_FAILED,
    CURAND_STATUS_TYPE_ERROR, CURAND_STATUS_OUT_OF_RANGE, CURAND_STATUS_LENGTH_NOT_MULTIPLE,
    CURAND_STATUS_DOUBLE_PRECISION_REQUIRED, CURAND_STATUS_LAUNCH_FAILURE, CURAND_STATUS_PREEXISTING_FAILURE,
    CURAND_STATUS_INITIALIZATION_FAILED, CURAND_STATUS_ARCH_MISMATCH, CURAND_STATUS_INTERNAL_ERROR
};
typedef int curandGenerator_t;
struct curandState {};
enum { CURAND_RNG_PSEUDO_DEFAULT };
inline curandStatus_t curandCreateGenerator(curandGenerator_t*, int) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandDestroyGenerator(curandGenerator_t) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t, unsigned long long)
{
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandSetGeneratorOffset(curandGenerator_t, unsigned long long) { return CURAND_STATUS_SUCCESS; }
[[noreturn]] inline curandStatus_t none_drawn() { std::fprintf(stderr, "cuRAND was asked for numbers\n"); std::exit(5); }
template <class... A> curandStatus_t curandGenerateUniform(A...) { none_drawn(); }
template <class... A> curandStatus_t curandGenerateUniformDouble(A...) { none_drawn(); }
template <class... A> curandStatus_t curandGenerateNormal(A...) { none_drawn(); }
template <class... A> curandStatus_t curandGenerateNormalDouble(A...) { none_drawn(); }
template <class... A> curandStatus_t curandGeneratePoisson(A...) { none_drawn(); }
template <class... A> void curand_init(A...) {}

namespace thrust {
template <class T> struct host_vector : std::vector<T> { using std::vector<T>::vector; };
template <class T> struct device_vector : std::vector<T> { using std::vector<T>::vector; };
template <class T> T* raw_pointer_cast(T* at) { return at; }
typedef std::runtime_error system_error;
}  // namespace thrust

#endif

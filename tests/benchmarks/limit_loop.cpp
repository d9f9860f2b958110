// The step of the emulation written by hand, with the fewest operations that do it; knows nothing of Brian2.
//
// Matrices are (units, columns), row by row. REAL is double or float. What is left out of a step because it does
// not change: the first layer's product, its tanh, and its plasticity, which is one product of the summed
// post-synaptic term. Feedback is one product for all layers; with one column, outer products are collected
// over BLOCK steps and added as one product. tanh is the emulation's own, which is faster than the C library's.
#include <cblas.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace {

typedef REAL Real;
const int BLOCK = 20;
const int SLICE = 32;  // rows that OpenBLAS's kernel for small matrices takes at once

inline void gemm(bool right_transposed, int m, int n, int k, const Real* a, const Real* b, Real beta, Real* c)
{
    const CBLAS_TRANSPOSE flip = right_transposed ? CblasTrans : CblasNoTrans;
    const int ldb = right_transposed ? k : n;
#ifdef SINGLE
    scipy_cblas_sgemm(CblasRowMajor, CblasNoTrans, flip, m, n, k, 1, a, k, b, ldb, beta, c, n);
#else
    scipy_cblas_dgemm(CblasRowMajor, CblasNoTrans, flip, m, n, k, 1, a, k, b, ldb, beta, c, n);
#endif
}

inline void gemv(int m, int n, const Real* a, const Real* x, Real beta, Real* y)
{
#ifdef SINGLE
    scipy_cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, 1, a, n, x, 1, beta, y, 1);
#else
    scipy_cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1, a, n, x, 1, beta, y, 1);
#endif
}

// Elementwise work as functions of plain pointers, which the compiler turns into vector code.

void hyperbolic(int n, const Real* __restrict x, Real* __restrict y)
{
    for (int i = 0; i < n; i++) y[i] = _neurosim_tanh(x[i]);
}

void relax(int n, Real gain, const Real* __restrict basal, Real* __restrict soma)
{
    for (int i = 0; i < n; i++) soma[i] += gain * (basal[i] - soma[i]);
}

void move_first(int n, Real gain, const Real* __restrict basal, const Real* __restrict apical,
                const Real* __restrict rate, const Real* __restrict compared, Real* __restrict soma,
                Real* __restrict summed)
{
    for (int i = 0; i < n; i++)
    {
        summed[i] += rate[i] - compared[i];
        soma[i] += gain * (basal[i] + apical[i] - soma[i]);
    }
}

void move_hidden(int n, Real gain, const Real* __restrict basal, const Real* __restrict apical,
                 const Real* __restrict rate, Real* __restrict soma, Real* __restrict post, Real* __restrict summed)
{
    for (int i = 0; i < n; i++)
    {
        summed[i] += post[i] = rate[i] - _neurosim_tanh(basal[i]);
        soma[i] += gain * (basal[i] + apical[i] - soma[i]);
    }
}

void move_output(int n, Real gain, const Real* __restrict basal, const Real* __restrict apical,
                 Real* __restrict soma, Real* __restrict post, Real* __restrict summed)
{
    for (int i = 0; i < n; i++)
    {
        summed[i] += post[i] = soma[i] - basal[i];
        soma[i] += gain * (basal[i] + apical[i] - soma[i]);
    }
}

void regulate(int n, Real dt, Real leak, Real proportional, const Real* __restrict target,
              const Real* __restrict soma, Real* __restrict integral, Real* __restrict u)
{
    for (int i = 0; i < n; i++)
    {
        const Real e = target[i] - soma[i];
        u[i] = integral[i] + proportional * e;
        integral[i] += dt * (e - leak * integral[i]);
    }
}

struct Array
{
    std::unique_ptr<Real[]> owner;
    Real* at;
    explicit Array(size_t size) : owner(new Real[size + 16]())
    {
        void* start = owner.get();
        size_t room = (size + 16) * sizeof(Real);
        at = (Real*)std::align(64, size * sizeof(Real), start, room);
    }
    operator Real*() const { return at; }
};

struct Settings { double dt, tau_soma, proportional_gain, leak, target_stepsize, learning_rate; };

struct Layer
{
    int units, before;
    Real *weights, *biases;
    Real* apical;  // within one array for all layers
    Array soma, rate, basal, compared, post, post_sum, accumulated, posts, rates;
    Layer(int n, int n_before, int columns, Real* w, Real* b, Real* above)
        : units(n), before(n_before), weights(w), biases(b), apical(above), soma(n * columns), rate(n * columns),
          basal(n * columns), compared(n * columns), post(n * columns), post_sum(n * columns),
          accumulated((size_t)n * n_before), posts(columns == 1 ? n * BLOCK : 0), rates(columns == 1 ? n_before * BLOCK : 0) {}
};

struct Net
{
    int columns, outputs, units;
    Settings s;
    Array apical, feedback, input, target, error, output, integrator;
    std::vector<Layer> layers;
    int collected = 0;

    Net(const int* sizes, int depth, int n_columns, Real* w, Real* b, const Real* q, Settings settings)
        : columns(n_columns), outputs(sizes[depth]), units(sum(sizes, depth)), s(settings),
          apical(units * n_columns), feedback(units * outputs), input(sizes[0] * n_columns),
          target(outputs * n_columns), error(outputs * n_columns), output(outputs * n_columns),
          integrator(outputs * n_columns)
    {
        std::copy(q, q + units * outputs, (Real*)feedback);
        Real* above = apical;
        layers.reserve(depth);
        for (int l = 1; l <= depth; l++)
        {
            layers.emplace_back(sizes[l], sizes[l - 1], columns, w, b, above);
            w += (size_t)sizes[l] * sizes[l - 1];
            b += sizes[l];
            above += sizes[l] * columns;
        }
    }
    static int sum(const int* sizes, int depth)
    {
        int total = 0;
        for (int l = 1; l <= depth; l++) total += sizes[l];
        return total;
    }
    bool last(size_t l) const { return l + 1 == layers.size(); }
    Real* rates(size_t l) { return last(l) ? (Real*)layers[l].soma : (Real*)layers[l].rate; }
    Real* before(size_t l) { return l == 0 ? (Real*)input : rates(l - 1); }

    void drive(size_t l)
    {
        Layer& layer = layers[l];
        if (columns == 1)
        {
            std::copy(layer.biases, layer.biases + layer.units, (Real*)layer.basal);
            gemv(layer.units, layer.before, layer.weights, before(l), 1, layer.basal);
            return;
        }
        for (int row = 0; row < layer.units; row += SLICE)
        {
            const int rows = std::min(SLICE, layer.units - row);
            Real* out = layer.basal + row * columns;
            for (int i = 0; i < rows; i++) std::fill(out + i * columns, out + (i + 1) * columns, layer.biases[row + i]);
            gemm(false, rows, columns, layer.before, layer.weights + (size_t)row * layer.before, before(l), 1, out);
        }
    }
    void fire()
    {
        for (size_t l = 0; !last(l); l++) hyperbolic(layers[l].units * columns, layers[l].soma, layers[l].rate);
    }
    void begin()
    {
        std::fill_n((Real*)integrator, outputs * columns, 0);
        std::fill_n((Real*)apical, units * columns, 0);
        for (Layer& layer : layers) std::fill_n((Real*)layer.post_sum, layer.units * columns, 0);
        drive(0);
        Layer& first = layers[0];
        hyperbolic(first.units * columns, first.basal, first.compared);
    }
    void settle_step()
    {
        const Real gain = s.dt / s.tau_soma;
        fire();
        for (size_t l = 0; l < layers.size(); l++)
        {
            if (l > 0) drive(l);
            relax(layers[l].units * columns, gain, layers[l].basal, layers[l].soma);
        }
    }
    void engage(const double* desired, const int32_t* order)
    {
        const Real* held = layers.back().soma;
        for (int c = 0; c < columns; c++)
        {
            Real most = held[c], total = 0;
            for (int i = 1; i < outputs; i++) most = std::max(most, held[i * columns + c]);
            for (int i = 0; i < outputs; i++) total += error[i * columns + c] = std::exp(held[i * columns + c] - most);
            for (int i = 0; i < outputs; i++)
                target[i * columns + c] = held[i * columns + c]
                    - (Real)s.target_stepsize * (error[i * columns + c] / total - (Real)desired[(size_t)order[c] * outputs + i]);
        }
    }
    void control()
    {
        regulate(outputs * columns, s.dt, s.leak, s.proportional_gain, target, layers.back().soma, integrator, output);
        if (columns == 1) gemv(units, outputs, feedback, output, 0, apical);
        else gemm(false, units, columns, outputs, feedback, output, 0, apical);
    }
    void learn_step()
    {
        const Real gain = s.dt / s.tau_soma;
        fire();
        control();
        for (size_t l = 1; l < layers.size(); l++) drive(l);
        if (columns == 1)
            for (size_t l = 1; l < layers.size(); l++)
            {
                const int n = layers[l].before;
                for (int i = 0; i < n; i++) layers[l].rates[i * BLOCK + collected] = before(l)[i];
            }
        for (size_t l = 0; l < layers.size(); l++)
        {
            Layer& x = layers[l];
            const int n = x.units * columns;
            if (last(l)) move_output(n, gain, x.basal, x.apical, x.soma, x.post, x.post_sum);
            else if (l == 0) move_first(n, gain, x.basal, x.apical, x.rate, x.compared, x.soma, x.post_sum);
            else move_hidden(n, gain, x.basal, x.apical, x.rate, x.soma, x.post, x.post_sum);
        }
        collect();
    }
    void collect()
    {
        for (size_t l = 1; l < layers.size(); l++)
        {
            Layer& layer = layers[l];
            if (columns > 1)
                gemm(true, layer.units, layer.before, columns, layer.post, before(l), 1, layer.accumulated);
            else
                for (int i = 0; i < layer.units; i++) layer.posts[i * BLOCK + collected] = layer.post[i];
        }
        if (columns == 1 && ++collected == BLOCK) flush();
    }
    void flush()
    {
        for (size_t l = 1; l < layers.size() && collected; l++)
        {
            Layer& layer = layers[l];
            for (int i = 0; i < layer.units; i++)
                std::fill(layer.posts + i * BLOCK + collected, layer.posts + (i + 1) * BLOCK, Real(0));
            gemm(true, layer.units, layer.before, BLOCK, layer.posts, layer.rates, 1, layer.accumulated);
        }
        collected = 0;
    }
    void apply(int steps)
    {
        const Real scale = s.learning_rate / ((double)steps * columns);
        flush();
        gemm(true, layers[0].units, layers[0].before, columns, layers[0].post_sum, input, 0, layers[0].accumulated);
        for (Layer& layer : layers)
        {
            const size_t n = (size_t)layer.units * layer.before;
            for (size_t i = 0; i < n; i++) layer.weights[i] += scale * layer.accumulated[i];
            std::fill_n((Real*)layer.accumulated, n, 0);
            for (int i = 0; i < layer.units; i++)
            {
                Real total = 0;
                for (int c = 0; c < columns; c++) total += layer.post_sum[i * columns + c];
                layer.biases[i] += scale * total;
            }
        }
    }
};

}  // namespace

// Shows every presentation; weights (layer after layer) and biases change in place. Returns seconds.
extern "C" double limit_run(
    const int* sizes, int depth, int columns, Real* weights, Real* biases, const Real* feedback,
    const double* settings, const double* inputs, const double* desired, const int32_t* order,
    int presentations, int settle_steps, int learn_steps)
{
    const auto start = std::chrono::steady_clock::now();
    Settings s;
    std::memcpy(&s, settings, sizeof s);
    Net net(sizes, depth, columns, weights, biases, feedback, s);
    for (int p = 0; p < presentations; p++, order += columns)
    {
        for (int c = 0; c < columns; c++)
            for (int i = 0; i < sizes[0]; i++) net.input[i * columns + c] = inputs[(size_t)order[c] * sizes[0] + i];
        net.begin();
        for (int k = 0; k < settle_steps; k++) net.settle_step();
        net.engage(desired, order);
        for (int k = 0; k < learn_steps; k++) net.learn_step();
        net.apply(learn_steps);
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

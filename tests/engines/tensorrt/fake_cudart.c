/* A CUDA runtime without a GPU, for the tests of engines/cuda_runtime.py.
 *
 * As strict as the real one: what is queued happens only when the stream is waited
 * for, device memory is apart from the host's, a stream that captures records
 * instead of running, and a graph runs what was recorded. It counts what is not
 * freed, and fails on request.
 *
 * -DCUDA_VERSION=10020 gives the functions of CUDA 10.2, without those that came
 * later.
 */
#include <stdlib.h>
#include <string.h>

#ifndef CUDA_VERSION
#define CUDA_VERSION 12040
#endif

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100,
       CAPTURE_INVALIDATED = 901 };
enum { MOST_WORK = 256 };

typedef void (*function)(void *);
struct work { void *to; const void *from; size_t bytes; function run; void *argument; };
struct queue { struct work work[MOST_WORK]; int count; };
struct stream { struct queue queue; int is_capturing; struct queue captured; };

static int devices = 1, major = 8, minor = 7, integrated, last_error;
static char name[256] = "Fake GPU";
static char fail_function[64];
static int fail_code;
static int outstanding, launches, copies;

/* --- what the tests use --- */
void fake_set_device(const char *new_name, int cc_major, int cc_minor, int is_igpu)
{ strncpy(name, new_name, 255); major = cc_major; minor = cc_minor; integrated = is_igpu; }
void fake_set_count(int count) { devices = count; }
void fake_fail(const char *which, int code)
{ strncpy(fail_function, which, 63); fail_code = code; }
int fake_outstanding(void) { return outstanding; }
int fake_launches(void) { return launches; }
int fake_copies(void) { return copies; }
int fake_last_error(void) { return last_error; }

static int failing(const char *which)
{
    if (fail_code && strcmp(which, fail_function) == 0) {
        int code = fail_code;
        fail_code = 0;
        return last_error = code;
    }
    return 0;
}
#define MAY_FAIL if (failing(__func__)) return last_error

static int put(struct stream *stream, struct work work)
{
    struct queue *queue = stream->is_capturing ? &stream->captured : &stream->queue;
    if (queue->count == MOST_WORK) return last_error = INVALID_VALUE;
    queue->work[queue->count++] = work;
    return SUCCESS;
}
static void run(struct queue *queue)
{
    for (int i = 0; i < queue->count; i++) {
        struct work *work = &queue->work[i];
        if (work->run) work->run(work->argument);
        else { memcpy(work->to, work->from, work->bytes); copies++; }
    }
}
/* What a kernel launch is to the real one. */
int fake_launch(struct stream *stream, function run, void *argument)
{ struct work work = {0, 0, 0, run, argument}; return put(stream, work); }

/* --- what CUDA has --- */
const char *cudaGetErrorString(int code)
{
    switch (code) {
    case OUT_OF_MEMORY: return "out of memory";
    case NO_DEVICE: return "no CUDA-capable device is detected";
    case CAPTURE_INVALIDATED: return "operation failed due to a previous error during capture";
    default: return "invalid argument";
    }
}
int cudaGetLastError(void) { int code = last_error; last_error = 0; return code; }
int cudaRuntimeGetVersion(int *version) { *version = CUDA_VERSION; return SUCCESS; }
int cudaGetDeviceCount(int *count)
{ MAY_FAIL; *count = devices; return devices ? SUCCESS : (last_error = NO_DEVICE); }
int cudaGetDeviceProperties(char *properties, int device)
{ MAY_FAIL; (void)device; memcpy(properties, name, 256); return SUCCESS; }
int cudaDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    *value = attribute == 75 ? major : attribute == 76 ? minor
           : attribute == 18 ? integrated : -1;
    return SUCCESS;
}
int cudaMemGetInfo(size_t *free_bytes, size_t *total)
{ *free_bytes = 3u << 20; *total = 8u << 20; return SUCCESS; }
static int allocate(void **place, size_t bytes)
{ *place = malloc(bytes); memset(*place, 0xA5, bytes); outstanding++; return SUCCESS; }
int cudaMalloc(void **place, size_t bytes) { MAY_FAIL; return allocate(place, bytes); }
int cudaHostAlloc(void **place, size_t bytes, unsigned flags)
{ MAY_FAIL; (void)flags; return allocate(place, bytes); }
int cudaFree(void *place) { MAY_FAIL; free(place); outstanding--; return SUCCESS; }
int cudaFreeHost(void *place) { MAY_FAIL; free(place); outstanding--; return SUCCESS; }
int cudaHostGetDevicePointer(void **device, void *host, unsigned flags)
{ MAY_FAIL; (void)flags; *device = host; return SUCCESS; }
int cudaStreamCreateWithFlags(struct stream **stream, unsigned flags)
{
    MAY_FAIL; (void)flags;
    *stream = calloc(1, sizeof **stream);
    outstanding++;
    return SUCCESS;
}
int cudaStreamDestroy(struct stream *stream) { free(stream); outstanding--; return SUCCESS; }
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, struct stream *stream)
{
    struct work work = {to, from, bytes, 0, 0};
    MAY_FAIL; (void)kind;
    return put(stream, work);
}
int cudaStreamSynchronize(struct stream *stream)
{ MAY_FAIL; run(&stream->queue); stream->queue.count = 0; return SUCCESS; }
int cudaStreamBeginCapture(struct stream *stream, int mode)
{
    MAY_FAIL; (void)mode;
    stream->is_capturing = 1;
    stream->captured.count = 0;
    return SUCCESS;
}
int cudaStreamEndCapture(struct stream *stream, struct queue **graph)
{
    stream->is_capturing = 0;
    *graph = 0;
    MAY_FAIL;
    *graph = malloc(sizeof **graph);
    **graph = stream->captured;
    outstanding++;
    return SUCCESS;
}
static int instantiate(struct queue **executable, struct queue *graph)
{
    *executable = malloc(sizeof **executable);
    **executable = *graph;
    outstanding++;
    return SUCCESS;
}
#if CUDA_VERSION >= 12000
int cudaGraphInstantiate(struct queue **executable, struct queue *graph,
                         unsigned long long flags)
{ MAY_FAIL; (void)flags; return instantiate(executable, graph); }
#else
int cudaGraphInstantiate(struct queue **executable, struct queue *graph, void **node,
                         char *log, size_t size)
{ MAY_FAIL; (void)node; (void)log; (void)size; return instantiate(executable, graph); }
#endif
#if CUDA_VERSION >= 11040
int cudaGraphInstantiateWithFlags(struct queue **executable, struct queue *graph,
                                  unsigned long long flags)
{ MAY_FAIL; return flags ? INVALID_VALUE : instantiate(executable, graph); }
#endif
static void launch_graph(void *graph) { run(graph); launches++; }
int cudaGraphLaunch(struct queue *executable, struct stream *stream)
{ MAY_FAIL; return fake_launch(stream, launch_graph, executable); }
int cudaGraphDestroy(struct queue *graph) { free(graph); outstanding--; return SUCCESS; }
int cudaGraphExecDestroy(struct queue *graph) { free(graph); outstanding--; return SUCCESS; }

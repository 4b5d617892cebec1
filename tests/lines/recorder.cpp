#include "tests/lines/recorder.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

// Templates of the standard library may be those of an instrumented file, which would call the
// functions below without end. So what runs in these functions uses plain arrays.
namespace starling::lines {
namespace {

constexpr uintptr_t line_bytes = 64, word_bytes = 8;
constexpr size_t words = line_bytes / word_bytes, places = size_t{1} << 18, workers = 4;
constexpr uint8_t several = 0xff;

struct Line {
    uintptr_t address;  // 0: the place is free.
    uint8_t writers[words];
    const void* from[workers];
    bool is_shared;
};

// A lock of its own: a mutex would be recorded.
class SpinLock {
public:
    void lock() noexcept {
        while (__atomic_test_and_set(&taken_, __ATOMIC_ACQUIRE)) {}
    }
    void unlock() noexcept { __atomic_clear(&taken_, __ATOMIC_RELEASE); }

private:
    bool taken_ = false;
};

Line table[places];
size_t left_out = 0;
SpinLock table_lock;
bool recording = false;
thread_local uint8_t me = 0;  // 0: no worker.

Line* find(uintptr_t address, bool make) noexcept {
    for (size_t at = (address / line_bytes * 0x9e3779b97f4a7c15u) >> 46;; at = (at + 1) % places) {
        Line& line = table[at];
        if (line.address == address) return &line;
        if (line.address != 0) continue;
        if (!make) return nullptr;
        line.address = address;
        return &line;
    }
}

bool has_several_writers(const Line& line) noexcept {
    uint8_t first = 0;
    for (const uint8_t writer : line.writers) {
        if (writer == several || (writer && first && writer != first)) return true;
        if (writer) first = writer;
    }
    return false;
}

template <class Call>
void each_word(uintptr_t begin, size_t bytes, bool make, Call&& call) noexcept {
    for (uintptr_t at = begin / word_bytes * word_bytes; at < begin + bytes; at += word_bytes)
        if (Line* const line = find(at / line_bytes * line_bytes, make))
            call(*line, at % line_bytes / word_bytes);
}

void wrote(const volatile void* memory, size_t bytes, const void* from) noexcept {
    if (me == 0 || !__atomic_load_n(&recording, __ATOMIC_RELAXED)) return;
    table_lock.lock();
    if (!recording) return table_lock.unlock();
    each_word(reinterpret_cast<uintptr_t>(memory), bytes, true, [from](Line& line, size_t word) {
        uint8_t& writer = line.writers[word];
        writer = writer == 0 || writer == me ? me : several;
        line.from[me] = from;
        line.is_shared = has_several_writers(line);
    });
    table_lock.unlock();
}

void freed(const void* memory) noexcept {
    if (!memory || !__atomic_load_n(&recording, __ATOMIC_RELAXED)) return;
    table_lock.lock();
    each_word(reinterpret_cast<uintptr_t>(memory), malloc_usable_size(const_cast<void*>(memory)),
              false, [](Line& line, size_t word) {
                  line.writers[word] = 0;
                  const bool is_shared = has_several_writers(line);
                  left_out += line.is_shared && !is_shared;
                  line.is_shared = is_shared;
              });
    table_lock.unlock();
}

void* allocated(size_t bytes, size_t alignment) {
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = alignment > alignof(max_align_t) ? std::aligned_alloc(alignment, rounded)
                                                          : std::malloc(bytes);
    if (!memory) std::abort();
    return memory;
}

template <class F>
F* real(const char* name) noexcept {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void i_am(uint8_t worker) noexcept { me = worker; }

void begin() noexcept {
    table_lock.lock();
    for (Line& line : table) line = {};
    left_out = 0;
    __atomic_store_n(&recording, true, __ATOMIC_RELAXED);
    table_lock.unlock();
}

std::vector<Shared> shared() {
    table_lock.lock();
    __atomic_store_n(&recording, false, __ATOMIC_RELAXED);
    table_lock.unlock();
    std::vector<Shared> found;
    for (const Line& line : table) {
        if (!line.is_shared) continue;
        Shared& one = found.emplace_back();
        for (const uint8_t writer : line.writers) one.words_of_one += writer && writer != several;
        for (size_t worker = 1; worker < workers; ++worker) {
            Dl_info file{};
            if (!line.from[worker] || !::dladdr(line.from[worker], &file)) continue;
            std::array<char, 40> text{};
            std::snprintf(text.data(), text.size(), " worker %zu at %#zx", worker,
                          static_cast<size_t>(static_cast<const char*>(line.from[worker]) -
                                              static_cast<const char*>(file.dli_fbase)));
            one.text += text.data();
        }
    }
    return found;
}

size_t handed_over() noexcept { return left_out; }

}  // namespace starling::lines

using starling::lines::allocated;
using starling::lines::freed;
using starling::lines::wrote;

void* operator new(size_t bytes) { return allocated(bytes, 1); }
void* operator new(size_t bytes, std::align_val_t alignment) {
    return allocated(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    freed(memory);
    std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { operator delete(memory); }

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static auto* const lock = starling::lines::real<int(pthread_mutex_t*)>("pthread_mutex_lock");
    wrote(mutex, sizeof(int), __builtin_return_address(0));
    return lock(mutex);
}

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void** at, void*) { wrote(at, sizeof *at, __builtin_return_address(0)); }
void __tsan_read_range(void*, size_t) {}
void __tsan_write_range(void* at, size_t bytes) { wrote(at, bytes, __builtin_return_address(0)); }

#define STARLING_ACCESS(bytes)                                                            \
    void __tsan_read##bytes(void*) {}                                                     \
    void __tsan_unaligned_read##bytes(void*) {}                                           \
    void __tsan_volatile_read##bytes(void*) {}                                            \
    void __tsan_write##bytes(void* at) { wrote(at, bytes, __builtin_return_address(0)); } \
    void __tsan_unaligned_write##bytes(void* at) {                                        \
        wrote(at, bytes, __builtin_return_address(0));                                    \
    }                                                                                     \
    void __tsan_volatile_write##bytes(void* at) { wrote(at, bytes, __builtin_return_address(0)); }
STARLING_ACCESS(1)
STARLING_ACCESS(2)
STARLING_ACCESS(4)
STARLING_ACCESS(8)
STARLING_ACCESS(16)
#undef STARLING_ACCESS

// The strongest order is right for all of them.
#define STARLING_CHANGE(bits, type, name)                                   \
    type __tsan_atomic##bits##_##name(volatile type* at, type value, int) { \
        wrote(at, sizeof *at, __builtin_return_address(0));                 \
        return __atomic_##name(at, value, __ATOMIC_SEQ_CST);                \
    }
#define STARLING_COMPARE(bits, type, name)                                               \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type* at, type* expected, \
                                                      type value, int, int) {            \
        wrote(at, sizeof *at, __builtin_return_address(0));                              \
        return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, \
                                           __ATOMIC_SEQ_CST);                            \
    }
#define STARLING_ATOMIC(bits, type)                                           \
    type __tsan_atomic##bits##_load(const volatile type* at, int) {           \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);                         \
    }                                                                         \
    void __tsan_atomic##bits##_store(volatile type* at, type value, int) {    \
        wrote(at, sizeof *at, __builtin_return_address(0));                   \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                        \
    }                                                                         \
    type __tsan_atomic##bits##_exchange(volatile type* at, type value, int) { \
        wrote(at, sizeof *at, __builtin_return_address(0));                   \
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);              \
    }                                                                         \
    STARLING_CHANGE(bits, type, fetch_add)                                    \
    STARLING_CHANGE(bits, type, fetch_sub)                                    \
    STARLING_CHANGE(bits, type, fetch_and)                                    \
    STARLING_CHANGE(bits, type, fetch_or)                                     \
    STARLING_CHANGE(bits, type, fetch_xor)                                    \
    STARLING_COMPARE(bits, type, strong)                                      \
    STARLING_COMPARE(bits, type, weak)
STARLING_ATOMIC(8, uint8_t)
STARLING_ATOMIC(16, uint16_t)
STARLING_ATOMIC(32, uint32_t)
STARLING_ATOMIC(64, uint64_t)
#undef STARLING_ATOMIC
#undef STARLING_COMPARE
#undef STARLING_CHANGE

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

}  // extern "C"

// bench/deflate_libraries.cpp: zlib, as starling uses it, beside libdeflate, for messages of
// permessage-deflate.
//
//   deflate_libraries METHOD BYTES COUNT   COUNT messages; 0: as many as take 0.3 s
//
// It prints JSON: the CPU time of a message, the size of its payload divided by BYTES, and the heap
// that the compressor takes. bench/deflate.py runs it, and counts its instructions.
#include <libdeflate.h>
#include <malloc.h>
#include <time.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "json_messages.h"
#include "ws/deflate.h"

namespace {

using starling::ws::Deflater;
using starling::ws::Inflater;
using Compress = std::function<std::string_view(std::string_view message, bool first)>;
using Inflate = std::function<size_t(std::string_view payload, bool first)>;

constexpr double measured_seconds = 0.3;

[[noreturn]] void fail(const char* why) {
    std::fprintf(stderr, "deflate_libraries: %s\n", why);
    std::exit(1);
}

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

size_t heap_bytes() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

Bytef* bytef(const char* at) { return reinterpret_cast<Bytef*>(const_cast<char*>(at)); }

// ---- compressors --------------------------------------------------------------------------------

Compress zlib(int level, bool takeover, uint8_t window_bits = 15) {
    auto deflater = std::make_shared<Deflater>(window_bits, level);
    return [=](std::string_view message, bool first) {
        return starling::base::text_of(
            deflater->compress(starling::base::bytes_of(message), !takeover || first));
    };
}

// A new stream for each message.
Compress zlib_new() {
    auto deflater = std::make_shared<std::unique_ptr<Deflater>>(std::make_unique<Deflater>());
    return [=](std::string_view message, bool) {
        *deflater = std::make_unique<Deflater>();
        return starling::base::text_of(
            (*deflater)->compress(starling::base::bytes_of(message), false));
    };
}

// libdeflate's last block has BFINAL set. RFC 7692 section 7.2.3.4 allows that if one octet of zeros
// follows, the header of the empty block whose other octets are removed.
Compress libdeflate(int level) {
    const std::shared_ptr<libdeflate_compressor> compressor(libdeflate_alloc_compressor(level),
                                                            libdeflate_free_compressor);
    auto out = std::make_shared<std::string>();
    return [=](std::string_view message, bool) {
        out->resize(libdeflate_deflate_compress_bound(compressor.get(), message.size()) + 1);
        const size_t size = libdeflate_deflate_compress(compressor.get(), message.data(),
                                                        message.size(), out->data(), out->size());
        (*out)[size] = 0;
        return std::string_view(*out).substr(0, size + 1);
    };
}

// The same without BFINAL. Only a decoder can tell where the last block begins and ends, so zlib
// inflates the result block by block.
Compress libdeflate_mended(int level) {
    auto z = std::make_shared<z_stream>();
    if (inflateInit2(z.get(), -15) != Z_OK) std::abort();
    auto plain = std::make_shared<std::string>();
    auto bytes = std::make_shared<std::string>();
    return [=, compress = libdeflate(level)](std::string_view message, bool) {
        const std::string_view packed = compress(message, true);
        bytes->assign(packed);
        plain->resize(message.size());
        inflateReset(z.get());
        z->next_in = bytef(packed.data());
        z->avail_in = static_cast<uInt>(packed.size() - 1);
        z->next_out = bytef(plain->data());
        z->avail_out = static_cast<uInt>(plain->size());
        // After a block data_type has the number of unused bits in its lowest three bits, and 64 if
        // the block was the last one.
        size_t begin = 0, unused = 0;  // Bits.
        for (bool last = false; !last;) {
            if (inflate(z.get(), Z_BLOCK) != Z_OK) fail("libdeflate's data is not valid");
            unused = static_cast<size_t>(z->data_type) & 7;
            last = (z->data_type & 64) != 0;
            if (!last) begin = z->total_in * 8 - unused;
        }
        (*bytes)[begin / 8] = static_cast<char>((*bytes)[begin / 8] & ~(1 << begin % 8));
        // 3 bits of zeros begin the empty block.
        return std::string_view(*bytes).substr(0, packed.size() - (unused >= 3 ? 1 : 0));
    };
}

// ---- decompressors ------------------------------------------------------------------------------

Inflate inflate_zlib(size_t bytes, bool takeover) {
    auto inflater = std::make_shared<Inflater>(takeover ? Inflater::Context::takeover
                                                        : Inflater::Context::shared);
    auto out = std::make_shared<std::vector<std::byte>>(bytes + 64);
    return [=](std::string_view payload, bool first) {
        if (!takeover || first) inflater->reset();
        const auto step = inflater->step(starling::base::bytes_of(payload), *out);
        const auto end =
            inflater->step(inflater->trailer(), std::span(*out).subspan(step.produced));
        if (step.fault || end.fault || !inflater->at_block_boundary()) fail("invalid data");
        return step.produced + end.produced;
    };
}

// libdeflate wants all of the input, up to a block with BFINAL set. It cannot keep a window.
Inflate inflate_libdeflate(size_t bytes) {
    const std::shared_ptr<libdeflate_decompressor> decompressor(libdeflate_alloc_decompressor(),
                                                                libdeflate_free_decompressor);
    auto in = std::make_shared<std::string>();
    auto out = std::make_shared<std::vector<std::byte>>(bytes + 64);
    return [=](std::string_view payload, bool) {
        in->assign(payload);
        in->append("\x00\x00\xff\xff\x01\x00\x00\xff\xff", 9);
        size_t produced = 0;
        if (libdeflate_deflate_decompress(decompressor.get(), in->data(), in->size(), out->data(),
                                          out->size(), &produced) != LIBDEFLATE_SUCCESS)
            fail("invalid data");
        return produced;
    };
}

// ---- measurement --------------------------------------------------------------------------------

struct Method {
    Compress compress = {};
    Inflate inflate = {};   // If null, compress() is measured.
    bool takeover = false;  // A message refers to those before it.
};

Method method(std::string_view name, size_t bytes) {
    if (name == "zlib-takeover") return {.compress = zlib(6, true), .takeover = true};
    if (name == "zlib") return {.compress = zlib(6, false)};
    if (name == "zlib-1") return {.compress = zlib(1, false)};
    if (name == "zlib-new") return {.compress = zlib_new()};
    if (name == "zlib-12") return {.compress = zlib(6, false, 12)};
    if (name == "zlib-takeover-12") return {.compress = zlib(6, true, 12), .takeover = true};
    if (name == "libdeflate") return {.compress = libdeflate(6)};
    if (name == "libdeflate-1") return {.compress = libdeflate(1)};
    if (name == "libdeflate-mended") return {.compress = libdeflate_mended(6)};
    if (name == "inflate-zlib-takeover")
        return {.compress = zlib(6, true), .inflate = inflate_zlib(bytes, true), .takeover = true};
    if (name == "inflate-zlib")
        return {.compress = zlib(6, false), .inflate = inflate_zlib(bytes, false)};
    if (name == "inflate-libdeflate")
        return {.compress = zlib(6, false), .inflate = inflate_libdeflate(bytes)};
    fail("unknown method");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) fail("usage: deflate_libraries METHOD BYTES COUNT");
    const std::string_view name = arguments[1];
    const auto bytes = static_cast<size_t>(std::atol(arguments[2]));
    const auto wanted = static_cast<uint64_t>(std::atol(arguments[3]));
    if (bytes < 16) fail("BYTES: at least 16");
    const auto messages = starling::bench::json_messages(bytes);
    const bool inflates = name.starts_with("inflate");
    const size_t before = heap_bytes();
    const Method chosen = method(name, bytes);
    const size_t heap = heap_bytes() - before;

    // Every payload is inflated once and compared, whatever is measured afterwards.
    std::vector<std::string> payloads;
    size_t payload_bytes = 0;
    const Inflate check = inflate_zlib(bytes, chosen.takeover);
    for (const std::string& message : messages) {
        payloads.emplace_back(chosen.compress(message, payloads.empty()));
        payload_bytes += payloads.back().size();
        if (check(payloads.back(), payloads.size() == 1) != bytes) fail("a payload is wrong");
    }

    uint64_t done = 0;
    const double begin = cpu_seconds();
    do {
        for (size_t i = 0; i < messages.size() && (wanted == 0 || done < wanted); ++i, ++done) {
            if (!inflates)
                static_cast<void>(chosen.compress(messages[i], i == 0));
            else if (chosen.inflate(payloads[i], i == 0) != bytes)
                fail("a message is wrong");
        }
    } while (wanted > 0 ? done < wanted : cpu_seconds() - begin < measured_seconds);
    std::printf("{\"us\": %.3f, \"ratio\": %.4f, \"heap_bytes\": %zu}\n",
                (cpu_seconds() - begin) * 1e6 / static_cast<double>(done),
                static_cast<double>(payload_bytes) / static_cast<double>(messages.size() * bytes),
                heap);
}

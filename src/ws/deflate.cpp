#include "ws/deflate.h"

#include <zlib.h>

#include <array>
#include <limits>
#include <new>

#include "base/assert.h"

namespace starling::ws {

namespace {

constexpr std::array<std::byte, 4> removed_octets = {std::byte{0}, std::byte{0}, std::byte{0xff},
                                                     std::byte{0xff}};
constexpr std::array<std::byte, 1> empty_message = {std::byte{0}};

// Between messages a deflater keeps at most this much of its output buffer.
constexpr size_t output_kept_bytes_max = 16 * 1024;

uInt clamp(size_t bytes) noexcept {
    constexpr size_t most = std::numeric_limits<uInt>::max();
    return static_cast<uInt>(bytes < most ? bytes : most);
}

Bytef* bytef(const std::byte* at) noexcept {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(at));
}

}  // namespace

struct Inflater::Stream {
    z_stream z{};
};

Inflater::Inflater(Context context, uint8_t window_bits)
    : stream_(std::make_unique<Stream>()), context_(context) {
    STARLING_ASSERT(window_bits >= inflate_window_bits_min && window_bits <= window_bits_max);
    if (inflateInit2(&stream_->z, -int{window_bits}) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&stream_->z); }

void Inflater::reset() noexcept {
    inflateReset(&stream_->z);
    after_final_block_ = false;
}

Inflater::Step Inflater::step(std::span<const std::byte> in, std::span<std::byte> out) noexcept {
    z_stream& z = stream_->z;
    const uInt in_bytes = clamp(in.size()), out_bytes = clamp(out.size());
    z.next_in = bytef(in.data());
    z.avail_in = in_bytes;
    z.next_out = bytef(out.data());
    z.avail_out = out_bytes;
    const int result = inflate(&z, Z_SYNC_FLUSH);
    const Step step{in_bytes - z.avail_in, out_bytes - z.avail_out,
                    result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END};
    if (result == Z_STREAM_END) {
        // 7.2.3.4: a block with BFINAL set ends neither the message nor the window. zlib stops
        // there; inflateResetKeep() begins a new stream that keeps the old window.
        inflateResetKeep(&z);
        after_final_block_ = true;
    } else if (step.consumed > 0) {
        after_final_block_ = false;
    }
    return step;
}

std::span<const std::byte> Inflater::trailer() const noexcept {
    if (after_final_block_) return {};
    return removed_octets;
}

bool Inflater::at_block_boundary() const noexcept {
    // zlib.h, inflate(): data_type is the number of unused bits, plus 128 immediately after the end
    // of a block.
    return after_final_block_ || (stream_->z.data_type & 0xbf) == 128;
}

namespace {

// zlib's memLevel, the size of its hash table and of a block. The default, 8, suits a window of 15
// bits: an entry for each byte of the window. With the smaller tables a smaller window compresses
// as well, in less time, because they stay in the processor's caches. Below 5 a block is so short
// that a Huffman code of its own does not pay.
int memory_level(uint8_t window_bits) noexcept { return window_bits > 12 ? window_bits - 7 : 5; }

}  // namespace

struct Deflater::Stream {
    z_stream z{};
};

Deflater::Deflater(uint8_t window_bits, int level) : stream_(std::make_unique<Stream>()) {
    STARLING_ASSERT(window_bits >= deflate_window_bits_min && window_bits <= window_bits_max);
    if (deflateInit2(&stream_->z, level, Z_DEFLATED, -int{window_bits}, memory_level(window_bits),
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
}

Deflater::~Deflater() { deflateEnd(&stream_->z); }

std::span<const std::byte> Deflater::compress(std::span<const std::byte> message, bool reset) {
    z_stream& z = stream_->z;
    if (reset || forget_) deflateReset(&z);
    forget_ = false;
    // 7.2.3.6: zlib does not flush twice without input in between, so this code writes the empty
    // block.
    if (message.empty()) return empty_message;

    if (output_.capacity() > output_kept_bytes_max) std::vector<std::byte>().swap(output_);
    size_t produced = 0;
    const std::byte* at = message.data();
    size_t left = message.size();
    z.avail_in = 0;
    do {
        if (z.avail_in == 0) {
            z.next_in = bytef(at);
            z.avail_in = clamp(left);
            at += z.avail_in;
            left -= z.avail_in;
        }
        // Room for the flush marker too, so that most messages need one call of deflate().
        output_.resize(produced + deflateBound(&z, z.avail_in) + 16);
        const uInt room = clamp(output_.size() - produced);
        z.next_out = bytef(output_.data() + produced);
        z.avail_out = room;
        deflate(&z, left > 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH);
        produced += room - z.avail_out;
    } while (left > 0 || z.avail_out == 0);
    // 7.2.1: the output of a flush ends in an empty block without compression, whose last four
    // octets are removed.
    STARLING_ASSERT(produced >= removed_octets.size());
    return std::span<const std::byte>(output_).first(produced - removed_octets.size());
}

}  // namespace starling::ws

#include "server/gzip.h"

#include <zlib.h>

namespace starling::server {

std::shared_ptr<const std::string> gzipped(const std::string& bytes) {
    z_stream stream{};
    constexpr int gzip_window_bits = 15 + 16;
    if (deflateInit2(&stream, 6, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return nullptr;
    auto out = std::make_shared<std::string>(bytes.size(), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out->data());
    stream.avail_out = static_cast<uInt>(out->size());
    const int result = deflate(&stream, Z_FINISH);
    out->resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END || out->size() >= bytes.size()) return nullptr;
    out->shrink_to_fit();
    return out;
}

}  // namespace starling::server

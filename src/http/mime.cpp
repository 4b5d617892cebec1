#include "http/mime.h"

#include "base/text.h"

namespace starling::http {
namespace {

struct Type {
    std::string_view extension, type;
};

constexpr Type types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"wasm", "application/wasm"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"wav", "audio/wav"},
    {"flac", "audio/flac"},
    {"m4a", "audio/mp4"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"mov", "video/quicktime"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
};

constexpr std::string_view compressible[] = {
    "application/json", "application/manifest+json",
    "application/xml",  "application/yaml",
    "application/wasm", "application/javascript",
    "image/svg+xml",    "image/bmp",
    "font/ttf",         "font/otf",
};

}  // namespace

std::string_view content_type_of(std::string_view path) noexcept {
    const auto name = path.substr(path.rfind('/') + 1);
    if (const size_t dot = name.rfind('.'); dot != std::string_view::npos)
        for (const Type& type : types)
            if (base::iequals(type.extension, name.substr(dot + 1))) return type.type;
    return "application/octet-stream";
}

bool is_compressible(std::string_view content_type) noexcept {
    const auto type = base::trim(content_type.substr(0, content_type.find(';')));
    if (base::iequals(type.substr(0, 5), "text/")) return true;
    for (const auto known : compressible)
        if (base::iequals(type, known)) return true;
    return type.ends_with("+json") || type.ends_with("+xml");
}

}  // namespace starling::http

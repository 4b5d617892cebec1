#include "server/files/static_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "http/file_answer.h"
#include "http/mime.h"
#include "http/response_access.h"
#include "http/url.h"
#include "server/downloads.h"
#include "server/files/file_cache.h"
#include "server/files/open_beneath.h"
#include "server/gzip.h"

namespace starling::server {
namespace {

using Bytes = FileCache::Bytes;

using http::plain_answer;

// Browsers (Accept: text/html) get this file of the root in place of the text of a 404, if the root has it.
constexpr const char* not_found_page = "404.html";
constexpr uint64_t not_found_page_bytes_max = 64 * 1024;

// A lack of descriptors or memory is temporary: 503. Every other error is answered like a missing
// file.
void open_failed(http::Response& response) {
    plain_answer(response, errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 404);
}

// Null if the file has shrunk or cannot be read.
Bytes read_whole(const Descriptor& file, uint64_t size_bytes) {
    auto bytes = std::make_shared<std::string>(size_bytes, '\0');
    for (size_t at = 0; at < bytes->size();) {
        const ssize_t got =
            ::pread(file.get(), bytes->data() + at, bytes->size() - at, static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return nullptr;
        at += static_cast<size_t>(got);
    }
    return bytes;
}

// The file of one answer, and the form that is served.
struct Chosen {
    std::string path;
    FileIdentity identity;
    Bytes bytes;  // Null: not in memory.
    bool gzip = false;
};

}  // namespace

struct StaticFiles::State {
    State(std::string root_path, http::StaticFileOptions file_options)
        : root(::open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
          options(std::move(file_options)),
          cache(options.cache_bytes_max) {}

    std::string_view type_of(std::string_view path) const {
        for (const auto& [extension, type] : options.types)
            if (path.ends_with(extension)) return type;
        return http::content_type_of(path);
    }

    // Timestamps are coarse: a file that was just written may change again with the same identity.
    bool may_cache(const FileIdentity& identity, int64_t now_s) const {
        return identity.size_bytes <= options.cached_file_bytes_max &&
               (identity.modified_s + 1 < now_s || identity.modified_s > now_s + 1);
    }

    Bytes load(Chosen& chosen, int64_t now_s);
    bool choose_sibling(Chosen& chosen) const;
    void choose_gzip(const http::Request& request, Chosen& chosen, int64_t now_s);
    void answer(const http::Request& request, http::Response& response, Chosen& chosen,
                std::string_view type, int64_t now_s);
    void serve(std::string_view relative_path, const http::Request& request,
               http::Response& response, int64_t now_s);
    void show_not_found(const http::Request& request, http::Response& response) const;
    void put_body(http::Response& response, Chosen& chosen, const http::ByteRange& range,
                  std::string_view type, int64_t now_s);

    Descriptor root;
    http::StaticFileOptions options;
    FileCache cache;
    Downloads downloads;
};

// The contents of a small file, from the cache or the disk. Null if the file cannot be read, or is
// no longer the file of `chosen`.
Bytes StaticFiles::State::load(Chosen& chosen, int64_t now_s) {
    const auto found = cache.find(chosen.path, FileCache::Form::plain, chosen.identity);
    if (found.found) return found.bytes;
    auto file = open_beneath(root.get(), chosen.path, Access::read);
    const auto status = status_of(file);
    if (status.kind != FileKind::regular || status.identity != chosen.identity) return nullptr;
    auto bytes = read_whole(file, chosen.identity.size_bytes);
    if (bytes && may_cache(chosen.identity, now_s))
        cache.put(chosen.path, FileCache::Form::plain, chosen.identity, bytes);
    return bytes;
}

// Chooses FILE.gz beside FILE, unless FILE.gz is older.
bool StaticFiles::State::choose_sibling(Chosen& chosen) const {
    auto path = chosen.path + ".gz";
    const auto status = status_of(open_beneath(root.get(), path, Access::look));
    const auto& plain = chosen.identity;
    const auto& gz = status.identity;
    const bool older = gz.modified_s < plain.modified_s ||
                       (gz.modified_s == plain.modified_s && gz.modified_ns < plain.modified_ns);
    if (status.kind != FileKind::regular || older) return false;
    chosen.path = std::move(path);
    chosen.identity = gz;
    chosen.gzip = true;
    return true;
}

// RFC 9110 section 12.5.3. A request with a Range gets the plain file, so that any client can
// resume a download.
void StaticFiles::State::choose_gzip(const http::Request& request, Chosen& chosen, int64_t now_s) {
    const auto accepted = request.header("accept-encoding");
    const int weight = http::coding_weight(accepted, "gzip");
    if (weight == 0 || weight < http::coding_weight(accepted, "identity") ||
        request.has_header("range"))
        return;
    if (choose_sibling(chosen)) return;
    if (chosen.identity.size_bytes < options.gzip_bytes_min ||
        chosen.identity.size_bytes > options.cached_file_bytes_max)
        return;
    auto found = cache.find(chosen.path, FileCache::Form::gzip, chosen.identity);
    if (!found.found) {
        const auto plain = load(chosen, now_s);
        if (!plain) return;
        found.bytes = gzipped(*plain);
        if (may_cache(chosen.identity, now_s))
            cache.put(chosen.path, FileCache::Form::gzip, chosen.identity, found.bytes);
    }
    chosen.bytes = found.bytes;
    chosen.gzip = chosen.bytes != nullptr;
}

void StaticFiles::State::put_body(http::Response& response, Chosen& chosen,
                                  const http::ByteRange& range, std::string_view type,
                                  int64_t now_s) {
    if (!chosen.bytes && chosen.identity.size_bytes <= options.cached_file_bytes_max)
        chosen.bytes = load(chosen, now_s);
    if (chosen.bytes) {
        response.body(std::move(chosen.bytes), static_cast<size_t>(range.first),
                      static_cast<size_t>(range.count), type);
        return;
    }
    auto file = open_beneath(root.get(), chosen.path, Access::read);
    const auto status = status_of(file);
    if (status.kind != FileKind::regular || status.identity != chosen.identity) {
        // The file was replaced after its fields were set: those fields describe the old file.
        response = http::Response();
        plain_answer(response, 503);
        response.header("Retry-After", "1");
        return;
    }
    http::FileBody body{.path = {},
                        .descriptor = downloads.share(chosen.identity, std::move(file)),
                        .offset = range.first,
                        .bytes = range.count};
    http::ResponseAccess::set_file(response, std::move(body), type);
}

void StaticFiles::State::answer(const http::Request& request, http::Response& response,
                                Chosen& chosen, std::string_view type, int64_t now_s) {
    if (!options.cache_control.empty() && !response.has_header("cache-control"))
        response.header("Cache-Control", options.cache_control);
    const uint64_t size_bytes = chosen.bytes ? chosen.bytes->size() : chosen.identity.size_bytes;
    const auto part =
        http::choose_part(request, response, http::etag_of(chosen.identity, chosen.gzip),
                          chosen.identity.modified_s, size_bytes, now_s);
    if (!part) return;
    if (chosen.gzip) response.header("Content-Encoding", "gzip");
    put_body(response, chosen, *part, type, now_s);
}

StaticFiles::StaticFiles(std::string root, http::StaticFileOptions options)
    : state_(std::make_unique<State>(std::move(root), std::move(options))) {}
StaticFiles::~StaticFiles() = default;
StaticFiles::StaticFiles(StaticFiles&&) noexcept = default;
StaticFiles& StaticFiles::operator=(StaticFiles&&) noexcept = default;

bool StaticFiles::ok() const noexcept { return static_cast<bool>(state_->root); }
uint64_t StaticFiles::cached_bytes() const noexcept { return state_->cache.bytes(); }

// The type of the answer depends on Accept, and caches must know so.
void StaticFiles::State::show_not_found(const http::Request& request,
                                        http::Response& response) const {
    const auto file = open_beneath(root.get(), not_found_page, Access::read);
    const auto status = status_of(file);
    if (status.kind != FileKind::regular || status.identity.size_bytes > not_found_page_bytes_max)
        return;
    response.add_header("Vary", "Accept");
    if (request.header("accept").find("text/html") == std::string_view::npos) return;
    const auto page = read_whole(file, status.identity.size_bytes);
    if (page) response.body(page, 0, page->size(), "text/html; charset=utf-8");
}

void StaticFiles::State::serve(std::string_view relative_path, const http::Request& request,
                               http::Response& response, int64_t now_s) {
    if (request.method() != "GET" && request.method() != "HEAD") {
        response.header("Allow", "GET, HEAD");
        return plain_answer(response, 405);
    }
    auto path = http::map_static_path(relative_path);
    if (!path) return plain_answer(response, 404);
    const bool as_directory =
        path->empty() ? request.raw_path().ends_with('/') : path->back() == '/';
    if (as_directory) {
        if (options.index.empty()) return plain_answer(response, 404);
        *path += options.index;
    }
    auto file = open_beneath(root.get(), *path, Access::look);
    if (!file) return open_failed(response);
    const auto status = status_of(file);
    if (status.kind == FileKind::directory && !as_directory && !options.index.empty()) {
        // A redirect to "//host/" would send the browser to another host.
        if (request.raw_path().starts_with("//")) return plain_answer(response, 404);
        std::string location(request.raw_path());
        location += '/';
        if (!request.query_string().empty()) location.append("?").append(request.query_string());
        response.redirect(location, 301);
        return;
    }
    if (status.kind != FileKind::regular) return plain_answer(response, 404);

    Chosen chosen;
    chosen.path = std::move(*path);
    chosen.identity = status.identity;
    const auto type = type_of(chosen.path);
    if (options.gzip && http::is_compressible(type)) {
        response.add_header("Vary", "Accept-Encoding");  // Keeps the other fields of Vary.
        choose_gzip(request, chosen, now_s);
    }
    answer(request, response, chosen, type, now_s);
}

void StaticFiles::serve(std::string_view relative_path, const http::Request& request,
                        http::Response& response, int64_t now_s) {
    state_->serve(relative_path, request, response, now_s);
    if (response.status() == 404) state_->show_not_found(request, response);
}

}  // namespace starling::server

#include "server/files/static_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "http/conditional.h"
#include "http/date.h"
#include "http/mime.h"
#include "http/response_writer.h"
#include "http/url.h"
#include "server/files/file_cache.h"
#include "server/files/open_beneath.h"
#include "server/gzip.h"

namespace starling::server {
namespace {

using Bytes = FileCache::Bytes;

void plain_answer(http::Response& response, int status) {
    response.status(status).text(std::to_string(status) + " " +
                                 std::string(http::status_phrase(status)) + "\n");
}

// Out of descriptors is our trouble and passes; everything else looks like "not here" from outside.
void open_failed(http::Response& response) {
    plain_answer(response, errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 404);
}

void append_hex(std::string& out, uint64_t value) {
    char digits[16];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

std::string etag_of(const FileIdentity& file, bool gzip) {
    std::string etag = "\"";
    append_hex(etag, uint64_t(file.modified_s) * 1'000'000'000u + uint64_t(file.modified_ns));
    etag += '-';
    append_hex(etag, file.size_bytes);
    etag += '-';
    append_hex(etag, file.inode);
    return etag += gzip ? "-gz\"" : "\"";
}

// Null where the file shrank or cannot be read.
Bytes read_whole(const FileHandle& file, uint64_t size_bytes) {
    auto bytes = std::make_shared<std::string>(size_bytes, '\0');
    for (size_t at = 0; at < bytes->size();) {
        const ssize_t got = ::pread(file.get(), bytes->data() + at, bytes->size() - at, off_t(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return nullptr;
        at += size_t(got);
    }
    return bytes;
}

// One answer in the making: the file and the form of it that is served.
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

    // Modification times tick in milliseconds: a file written just now may change again unnoticed.
    bool may_cache(const FileIdentity& identity, int64_t now_s) const {
        return identity.size_bytes <= options.cached_file_bytes_max &&
               (identity.modified_s + 1 < now_s || identity.modified_s > now_s + 1);
    }

    Bytes load(Chosen& chosen, int64_t now_s);
    bool choose_sibling(Chosen& chosen);
    void choose_gzip(const http::Request& request, Chosen& chosen, int64_t now_s);
    void answer(const http::Request& request, http::Response& response, Chosen& chosen,
                std::string_view type, int64_t now_s);
    void put_body(http::Response& response, Chosen& chosen, const http::ByteRange& range,
                  std::string_view type, int64_t now_s);

    std::shared_ptr<const int> share(const Chosen& chosen, FileHandle file);

    struct Download {
        FileIdentity identity;
        std::weak_ptr<const int> descriptor;
    };

    FileHandle root;
    http::StaticFileOptions options;
    FileCache cache;
    std::unordered_map<std::string, Download> downloads;  // Those in progress.
};

// The contents of a small file, from the cache or the disk; null where it cannot be read as it was
// seen.
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

// FILE.gz beside FILE, unless it is older.
bool StaticFiles::State::choose_sibling(Chosen& chosen) {
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

// RFC 9110 section 12.5.3. Ranges are of the plain file, so that a download can be resumed by
// anybody.
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
        response.body(std::move(chosen.bytes), size_t(range.first), size_t(range.count), type);
        return;
    }
    auto file = open_beneath(root.get(), chosen.path, Access::read);
    const auto status = status_of(file);
    if (status.kind != FileKind::regular || status.identity != chosen.identity) {
        // It was replaced between two looks: the fields that were set speak of the old one.
        response = http::Response();
        plain_answer(response, 503);
        response.header("Retry-After", "1");
        return;
    }
    response.file({share(chosen, std::move(file)), range.first, range.count}, type);
}

// Downloads of one file share one descriptor, so that slow clients cannot use them up.
std::shared_ptr<const int> StaticFiles::State::share(const Chosen& chosen, FileHandle file) {
    std::erase_if(downloads, [](const auto& entry) { return entry.second.descriptor.expired(); });
    auto& known = downloads[chosen.path];
    if (auto descriptor = known.descriptor.lock(); descriptor && known.identity == chosen.identity)
        return descriptor;
    const std::shared_ptr<const int> descriptor(new int(file.release()), [](const int* owned) {
        ::close(*owned);
        delete owned;
    });
    known = {chosen.identity, descriptor};
    return descriptor;
}

void StaticFiles::State::answer(const http::Request& request, http::Response& response,
                                Chosen& chosen, std::string_view type, int64_t now_s) {
    const auto etag = etag_of(chosen.identity, chosen.gzip);
    // RFC 9110 section 8.8.2.1: never later than now.
    const int64_t modified_s = std::min(chosen.identity.modified_s, now_s);
    response.header("ETag", etag).header("Last-Modified", http::format_date(modified_s));
    if (!options.cache_control.empty() && !response.has_header("cache-control"))
        response.header("Cache-Control", options.cache_control);

    const http::Validators validators{etag, modified_s};
    const auto condition = http::evaluate_conditions(request, validators, now_s);
    if (condition == http::Condition::not_modified) {
        response.status(304);
        return;
    }
    if (condition == http::Condition::precondition_failed) return plain_answer(response, 412);

    const uint64_t size_bytes = chosen.bytes ? chosen.bytes->size() : chosen.identity.size_bytes;
    const auto verdict = http::evaluate_range(request, validators, size_bytes, now_s);
    if (verdict.kind == http::RangeVerdict::Kind::unsatisfiable) {
        response.header("Content-Range", http::content_range(verdict, size_bytes));
        return plain_answer(response, 416);
    }
    response.header("Accept-Ranges", "bytes").header("X-Content-Type-Options", "nosniff");
    if (chosen.gzip) response.header("Content-Encoding", "gzip");
    http::ByteRange range{0, size_bytes};
    if (verdict.kind == http::RangeVerdict::Kind::partial) {
        range = verdict.range;
        response.status(206).header("Content-Range", http::content_range(verdict, size_bytes));
    }
    put_body(response, chosen, range, type, now_s);
}

StaticFiles::StaticFiles(std::string root, http::StaticFileOptions options)
    : state_(std::make_unique<State>(std::move(root), std::move(options))) {}
StaticFiles::~StaticFiles() = default;
StaticFiles::StaticFiles(StaticFiles&&) noexcept = default;
StaticFiles& StaticFiles::operator=(StaticFiles&&) noexcept = default;

bool StaticFiles::ok() const noexcept { return bool(state_->root); }
uint64_t StaticFiles::cached_bytes() const noexcept { return state_->cache.bytes(); }

void StaticFiles::serve(std::string_view relative_path, const http::Request& request,
                        http::Response& response, int64_t now_s) {
    if (request.method() != "GET" && request.method() != "HEAD") {
        response.header("Allow", "GET, HEAD");
        return plain_answer(response, 405);
    }
    auto path = http::map_static_path(relative_path);
    if (!path) return plain_answer(response, 404);
    const auto& options = state_->options;
    const int root = state_->root.get();
    const bool as_directory =
        path->empty() ? request.raw_path().ends_with('/') : path->back() == '/';
    if (as_directory) {
        if (options.index.empty()) return plain_answer(response, 404);
        *path += options.index;
    }
    auto file = open_beneath(root, *path, Access::look);
    if (!file) return open_failed(response);
    const auto status = status_of(file);
    if (status.kind == FileKind::directory && !as_directory && !options.index.empty()) {
        // "//host/" would send the browser to another host.
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
    const auto type = state_->type_of(chosen.path);
    if (options.gzip && http::is_compressible(type)) {
        response.add_header("Vary", "Accept-Encoding");  // Beside what others vary on.
        state_->choose_gzip(request, chosen, now_s);
    }
    state_->answer(request, response, chosen, type, now_s);
}

}  // namespace starling::server

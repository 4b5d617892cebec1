// Static files from a real directory tree with hostile contents: links, devices, unreadable files.
#include "server/files/static_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "http/date.h"
#include "http/request_parts.h"
#include "http/response_access.h"
#include "http/response_writer.h"
#include "server/files/file_cache.h"
#include "server/files/open_beneath.h"

namespace starling::server {
namespace {

namespace fs = std::filesystem;

constexpr int64_t written_s = 1'600'000'000;
constexpr int64_t now_s = 1'700'000'000;

std::string gunzip(std::string_view bytes) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string out(1 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

class StaticFilesTest : public testing::Test {
protected:
    StaticFilesTest() {
        char name[] = "/tmp/starling_static_XXXXXX";
        base_ = ::mkdtemp(name);
        root_ = base_ / "root";
        fs::create_directories(root_ / "dir/inner");
        fs::create_directories(root_ / ".git");
        fs::create_directories(base_ / "outside");
        write("index.html", "home");
        write("hello.txt", "hello");
        write("a b.txt", "spaced");
        write("empty.txt", "");
        write("dir/index.html", "dir");
        write("big.bin", big_);
        write("text.js", text_);
        write("tiny.js", "1");
        write("noise.txt", noise());
        write(".git/config", "secret");
        write(".env", "secret");
        write("../outside/secret.txt", "secret");
        fs::create_symlink("hello.txt", root_ / "inside_link.txt");
        fs::create_symlink("../hello.txt", root_ / "dir/up_link.txt");
        fs::create_directory_symlink("dir", root_ / "dir_link");
        fs::create_symlink("../outside/secret.txt", root_ / "relative_escape.txt");
        fs::create_symlink(base_ / "outside/secret.txt", root_ / "absolute_escape.txt");
        fs::create_symlink(root_ / "hello.txt", root_ / "absolute_inside.txt");
        fs::create_directory_symlink(base_ / "outside", root_ / "escape_dir");
        fs::create_symlink("loop", root_ / "loop");
        fs::create_symlink("/proc/self/root/etc/passwd", root_ / "magic");
        ::mkfifo((root_ / "fifo.txt").c_str(), 0600);
    }
    ~StaticFilesTest() override { fs::remove_all(base_); }

    void write(const std::string& name, std::string_view bytes, int64_t time_s = written_s) {
        const auto path = (root_ / name).string();
        std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
        touch(path, time_s);
    }
    static void touch(const std::string& path, int64_t time_s) {
        const timespec times[2] = {{time_s, 0}, {time_s, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    }
    static std::string noise() {
        std::string out;
        for (uint32_t i = 0, x = 1; i < 4000; ++i, x = x * 1664525 + 1013904223)
            out += char(x >> 24);
        return out;
    }

    http::Response get(std::string_view path, std::vector<http::Field> fields = {},
                       std::string_view method = "GET", std::string_view query = "") {
        http::RequestParts parts;
        parts.method = method;
        parts.path = path;
        parts.query = query;
        parts.fields = fields;
        http::Response response;
        files_->serve(path, http::Request(parts), response, now_s);
        return response;
    }
    static std::string body(const http::Response& response) {
        const auto* file = http::ResponseAccess::file(response);
        if (!file) return std::string(response.body());
        std::string out(file->bytes, '\0');
        const auto got = ::pread(*file->descriptor, out.data(), out.size(), off_t(file->offset));
        EXPECT_EQ(got, ssize_t(out.size()));
        return out;
    }
    void reopen(http::StaticFileOptions options) {
        files_.emplace(root_.string(), std::move(options));
    }

    const std::string big_ = [] {
        std::string out;
        for (int i = 0; out.size() < 3'000'000; ++i) out += std::to_string(i);
        return out;
    }();
    const std::string text_ = [] {
        std::string out;
        for (int i = 0; i < 400; ++i) out += "const a = 1;\n";
        return out;
    }();
    fs::path base_, root_;
    std::optional<StaticFiles> files_;
    void SetUp() override { reopen({}); }
};

TEST_F(StaticFilesTest, ServesWhatIsThereAndNothingElse) {
    const struct {
        std::string path;
        int status;
        std::string body;
    } cases[] = {
        {"/", 200, "home"},
        {"/index.html", 200, "home"},
        {"/hello.txt", 200, "hello"},
        {"/a%20b.txt", 200, "spaced"},
        {"/empty.txt", 200, ""},
        {"/dir/", 200, "dir"},
        {"/inside_link.txt", 200, "hello"},
        {"/dir/up_link.txt", 200, "hello"},
        {"/dir_link/", 200, "dir"},
        {"/dir/inner/", 404, ""},
        {"/none", 404, ""},
        {"/hello.txt/", 404, ""},
        {"/hello.txt/x", 404, ""},
        {"/.env", 404, ""},
        {"/.git/config", 404, ""},
        {"/%2eenv", 404, ""},
        {"/../outside/secret.txt", 404, ""},
        {"/%2e%2e/outside/secret.txt", 404, ""},
        {"/..%2foutside/secret.txt", 404, ""},
        {"/dir/../../outside/secret.txt", 404, ""},
        {"/..\\outside\\secret.txt", 404, ""},
        {"/hello.txt%00", 404, ""},
        {"/hello.txt%00.html", 404, ""},
        {"//etc/passwd", 404, ""},
        {"/%2fetc/passwd", 404, ""},
        {"//dir", 404, ""},
        {"/relative_escape.txt", 404, ""},
        {"/absolute_escape.txt", 404, ""},
        {"/absolute_inside.txt", 404, ""},  // An absolute link leaves the root.
        {"/escape_dir/secret.txt", 404, ""},
        {"/escape_dir", 404, ""},
        {"/loop", 404, ""},
        {"/magic", 404, ""},
        {"/fifo.txt", 404, ""},
        {"/" + std::string(5000, 'a'), 404, ""},
    };
    ASSERT_TRUE(files_->ok());
    for (const auto& c : cases) {
        const auto response = get(c.path);
        EXPECT_EQ(response.status(), c.status) << c.path;
        if (c.status == 200) {
            EXPECT_EQ(body(response), c.body) << c.path;
        }
        EXPECT_EQ(body(response).find("secret"), std::string::npos) << c.path;
    }
}

TEST_F(StaticFilesTest, SendsTheFieldsOfAFile) {
    const auto response = get("/hello.txt");
    EXPECT_EQ(response.header("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(response.header("last-modified"), http::format_date(written_s));
    EXPECT_EQ(response.header("cache-control"), "no-cache");
    EXPECT_EQ(response.header("accept-ranges"), "bytes");
    EXPECT_EQ(response.header("vary"), "Accept-Encoding");
    EXPECT_TRUE(response.header("etag").starts_with('"'));
    EXPECT_FALSE(get("/big.bin").has_header("vary"));

    reopen({.cache_control = "", .types = {{".txt", "text/x"}}});
    EXPECT_EQ(get("/hello.txt").header("content-type"), "text/x");
    EXPECT_FALSE(get("/hello.txt").has_header("cache-control"));
    touch((root_ / "hello.txt").string(), now_s + 1000);
    EXPECT_EQ(get("/hello.txt").header("last-modified"), http::format_date(now_s));
}

TEST_F(StaticFilesTest, KnowsMethodsAndDirectories) {
    for (const auto method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        const auto response = get("/hello.txt", {}, method);
        EXPECT_EQ(response.status(), 405);
        EXPECT_EQ(response.header("allow"), "GET, HEAD");
    }
    auto response = get("/dir", {}, "GET", "a=1");
    EXPECT_EQ(response.status(), 301);
    EXPECT_EQ(response.header("location"), "/dir/?a=1");
    reopen({.index = ""});
    EXPECT_EQ(get("/").status(), 404);
    EXPECT_EQ(get("/dir").status(), 404);

    std::string out;
    http::append_response(out, get("/hello.txt", {}, "HEAD"), {.head_request = true});
    EXPECT_NE(out.find("Content-Length: 5\r\n"), std::string::npos);
    EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST_F(StaticFilesTest, AnswersConditionsAndRanges) {
    const std::string etag(get("/hello.txt").header("etag"));
    auto response = get("/hello.txt", {{"If-None-Match", etag}});
    EXPECT_EQ(response.status(), 304);
    EXPECT_EQ(response.header("etag"), etag);
    EXPECT_EQ(response.body_bytes(), 0u);
    EXPECT_EQ(get("/hello.txt", {{"If-Match", "\"x\""}}).status(), 412);
    EXPECT_EQ(get("/hello.txt", {{"If-Modified-Since", http::format_date(written_s)}}).status(),
              304);

    const struct {
        const char *path, *range, *content_range;
        uint64_t first, count;
    } cases[] = {
        {"/hello.txt", "bytes=1-3", "bytes 1-3/5", 1, 3},
        {"/big.bin", "bytes=0-0", "bytes 0-0/", 0, 1},
        {"/big.bin", "bytes=2000000-2000099", "bytes 2000000-2000099/", 2'000'000, 100},
        {"/big.bin", "bytes=-7", "", big_.size() - 7, 7},
        {"/big.bin", "bytes=2999990-", "", 2'999'990, big_.size() - 2'999'990},
    };
    for (const auto& c : cases) {
        response = get(c.path, {{"Range", c.range}, {"Accept-Encoding", "gzip"}});
        EXPECT_EQ(response.status(), 206) << c.range;
        EXPECT_TRUE(response.header("content-range").starts_with(c.content_range)) << c.range;
        const std::string whole = c.path == std::string("/big.bin") ? big_ : "hello";
        EXPECT_EQ(body(response), whole.substr(c.first, c.count)) << c.range;
    }
    response = get("/hello.txt", {{"Range", "bytes=5-"}});
    EXPECT_EQ(response.status(), 416);
    EXPECT_EQ(response.header("content-range"), "bytes */5");
    EXPECT_EQ(get("/hello.txt", {{"Range", "bytes=0-1,3-4"}}).status(), 200);
    EXPECT_EQ(get("/hello.txt", {{"Range", "bytes=1-3"}, {"If-Range", etag}}).status(), 206);
    EXPECT_EQ(get("/hello.txt", {{"Range", "bytes=1-3"}, {"If-Range", "\"x\""}}).status(), 200);
    EXPECT_EQ(body(get("/big.bin")), big_);
}

TEST_F(StaticFilesTest, CompressesWhereItPays) {
    const std::vector<http::Field> accepts = {{"Accept-Encoding", "gzip, br"}};
    const auto plain = get("/text.js"), packed = get("/text.js", accepts);
    EXPECT_FALSE(plain.has_header("content-encoding"));
    EXPECT_EQ(body(plain), text_);
    EXPECT_EQ(packed.header("content-encoding"), "gzip");
    EXPECT_EQ(packed.header("vary"), "Accept-Encoding");
    EXPECT_EQ(packed.header("content-type"), "text/javascript; charset=utf-8");
    EXPECT_LT(packed.body_bytes(), text_.size() / 10);
    EXPECT_EQ(gunzip(body(packed)), text_);
    EXPECT_NE(packed.header("etag"), plain.header("etag"));
    EXPECT_EQ(get("/text.js", {accepts[0], {"If-None-Match", packed.header("etag")}}).status(),
              304);
    EXPECT_EQ(get("/text.js", {accepts[0], {"If-None-Match", plain.header("etag")}}).status(), 200);

    for (const auto path : {"/tiny.js", "/noise.txt", "/big.bin"})
        EXPECT_FALSE(get(path, accepts).has_header("content-encoding")) << path;
    for (const auto field : {"gzip;q=0", "br", "identity, gzip;q=0.5"})
        EXPECT_FALSE(get("/text.js", {{"Accept-Encoding", field}}).has_header("content-encoding"))
            << field;
    reopen({.gzip = false});
    EXPECT_FALSE(get("/text.js", accepts).has_header("content-encoding"));
}

TEST_F(StaticFilesTest, ServesPrecompressedSiblingsThatAreNotOlder) {
    const std::vector<http::Field> accepts = {{"Accept-Encoding", "gzip"}};
    write("tiny.js.gz", "packed", written_s);
    auto response = get("/tiny.js", accepts);
    EXPECT_EQ(response.header("content-encoding"), "gzip");
    EXPECT_EQ(response.header("content-type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(body(response), "packed");
    EXPECT_EQ(body(get("/tiny.js")), "1");
    write("tiny.js.gz", "stale", written_s - 1);
    EXPECT_FALSE(get("/tiny.js", accepts).has_header("content-encoding"));
    fs::remove(root_ / "tiny.js.gz");
    fs::create_symlink("../outside/secret.txt", root_ / "tiny.js.gz");
    EXPECT_EQ(body(get("/tiny.js", accepts)), "1");
    EXPECT_EQ(get("/tiny.js.gz").status(), 404);
}

TEST_F(StaticFilesTest, NoticesChangesAndBoundsItsCache) {
    EXPECT_EQ(body(get("/hello.txt")), "hello");
    EXPECT_EQ(body(get("/hello.txt")), "hello");
    EXPECT_GT(files_->cached_bytes(), 0u);
    const std::string etag(get("/hello.txt").header("etag"));
    write("hello.txt", "HELLO", written_s + 1);  // The same length.
    EXPECT_EQ(body(get("/hello.txt")), "HELLO");
    EXPECT_NE(get("/hello.txt").header("etag"), etag);
    fs::remove(root_ / "hello.txt");
    EXPECT_EQ(get("/hello.txt").status(), 404);

    reopen({.cache_bytes_max = 4000});
    for (int i = 0; i < 50; ++i) {
        const auto name = "file" + std::to_string(i) + ".txt";
        write(name, std::string(500, char('a' + i % 26)));
        EXPECT_EQ(body(get("/" + name)), std::string(500, char('a' + i % 26)));
        EXPECT_LE(files_->cached_bytes(), 4000u);
    }
    EXPECT_GT(files_->cached_bytes(), 3000u);
    // Written in this very second: a further change might leave the same timestamp.
    reopen({});
    write("fresh.txt", "1", now_s);
    EXPECT_EQ(body(get("/fresh.txt")), "1");
    EXPECT_EQ(files_->cached_bytes(), 0u);
}

TEST_F(StaticFilesTest, ShowsBrowsersThePageOfTheRootForWhatIsMissing) {
    const http::Field browser{"accept", "text/html,application/xhtml+xml,*/*;q=0.8"};
    EXPECT_EQ(body(get("/none", {browser})), "404 Not Found\n");
    write("404.html", "<p>lost");
    const struct {
        std::string path;
        std::vector<http::Field> fields;
        const char* method;
        int status;
        std::string body;
    } cases[] = {
        {"/none", {browser}, "GET", 404, "<p>lost"},
        {"/none", {browser}, "HEAD", 404, "<p>lost"},  // The writer sends the head alone.
        {"/none", {browser, {"if-none-match", "*"}}, "GET", 404, "<p>lost"},
        {"/../x", {browser}, "GET", 404, "<p>lost"},
        {"/dir/inner/", {browser}, "GET", 404, "<p>lost"},
        {"/none", {{"accept", "*/*"}}, "GET", 404, "404 Not Found\n"},
        {"/none", {}, "GET", 404, "404 Not Found\n"},
        {"/none", {browser}, "POST", 405, "405 Method Not Allowed\n"},
        {"/hello.txt", {browser}, "GET", 200, "hello"},
        {"/404.html", {browser}, "GET", 200, "<p>lost"},
    };
    for (const auto& c : cases) {
        const auto response = get(c.path, c.fields, c.method);
        EXPECT_EQ(response.status(), c.status) << c.path;
        EXPECT_EQ(body(response), c.body) << c.path;
    }
    for (const char* accept : {"text/html", "*/*"})
        EXPECT_EQ(get("/none", {{"accept", accept}}).header("vary"), "Accept");
    // A page of another size or from elsewhere is none.
    write("404.html", std::string(64 * 1024 + 1, 'x'));
    EXPECT_EQ(body(get("/none", {browser})), "404 Not Found\n");
    fs::remove(root_ / "404.html");
    fs::create_symlink("../outside/secret.txt", root_ / "404.html");
    EXPECT_EQ(body(get("/none", {browser})), "404 Not Found\n");
}

TEST_F(StaticFilesTest, MissingRootServesNothing) {
    const StaticFiles none((base_ / "none").string(), {});
    EXPECT_FALSE(none.ok());
    const StaticFiles file((root_ / "hello.txt").string(), {});
    EXPECT_FALSE(file.ok());
    files_.emplace((base_ / "none").string(), http::StaticFileOptions{});
    EXPECT_EQ(get("/hello.txt").status(), 404);
    EXPECT_EQ(get("/").status(), 404);
}

TEST_F(StaticFilesTest, OpensByStepsWithoutFollowingLinks) {
    const Descriptor root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const struct {
        const char* path;
        FileKind want;
    } cases[] = {
        {"hello.txt", FileKind::regular},
        {"dir/index.html", FileKind::regular},
        {"dir", FileKind::directory},
        {"dir/", FileKind::directory},
        {".", FileKind::directory},
        {"hello.txt/", FileKind::missing},
        {"dir/../hello.txt", FileKind::missing},
        {"..", FileKind::missing},
        {"/etc/passwd", FileKind::missing},
        {"dir_link/index.html", FileKind::missing},
        {"escape_dir/secret.txt", FileKind::missing},
        {"none/x", FileKind::missing},
    };
    for (const auto& c : cases)
        EXPECT_EQ(status_of(open_beneath_by_steps(root.get(), c.path, Access::look)).kind, c.want)
            << c.path;
    // O_PATH opens the link itself, which is no regular file. Opening it for reading fails.
    EXPECT_EQ(
        status_of(open_beneath_by_steps(root.get(), "relative_escape.txt", Access::look)).kind,
        FileKind::other);
    EXPECT_FALSE(open_beneath_by_steps(root.get(), "relative_escape.txt", Access::read));
    EXPECT_EQ(status_of(open_beneath(root.get(), "", Access::look)).kind, FileKind::directory);
}

TEST(FileCache, ForgetsTheLeastRecentlyUsed) {
    FileCache cache(900);
    const FileIdentity identity{1, 2, 3, 4, 5};
    const auto bytes = std::make_shared<const std::string>(100, 'x');
    using Form = FileCache::Form;
    cache.put("a", Form::plain, identity, bytes);
    cache.put("a", Form::gzip, identity, nullptr);
    EXPECT_TRUE(cache.find("a", Form::plain, identity).found);
    EXPECT_EQ(cache.find("a", Form::gzip, identity).bytes, nullptr);
    EXPECT_TRUE(cache.find("a", Form::gzip, identity).found);
    EXPECT_FALSE(cache.find("b", Form::plain, identity).found);
    EXPECT_TRUE(cache.find("a", Form::plain, identity).found);
    cache.put("b", Form::plain, identity, bytes);  // Evicts the gzip form, the oldest.
    EXPECT_FALSE(cache.find("a", Form::gzip, identity).found);
    EXPECT_TRUE(cache.find("a", Form::plain, identity).found);
    EXPECT_TRUE(cache.find("b", Form::plain, identity).found);
    auto changed = identity;
    changed.modified_ns = 6;
    EXPECT_FALSE(cache.find("a", Form::plain, changed).found);
    cache.put("huge", Form::plain, identity, std::make_shared<const std::string>(2000, 'x'));
    EXPECT_FALSE(cache.find("huge", Form::plain, identity).found);
    cache.put("b", Form::plain, identity, bytes);
    EXPECT_LE(cache.bytes(), 900u);
}

}  // namespace
}  // namespace starling::server

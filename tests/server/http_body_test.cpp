// Bodies in handlers: JSON and forms received, files and bytes sent.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <starling/multipart.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

namespace fs = std::filesystem;

std::string post(std::string_view path, std::string_view type, std::string_view body) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: a\r\nContent-Type: " + std::string(type) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

TEST(HttpJson, IsParsedOrRefusedWithWhatIsWrong) {
    TestServer t;
    t.server.cors({.origins = {"https://a.example"}});
    t.server.post("/", [](const http::Request& request, http::Response& response) {
        response.header("X-Not-In-An-Error", "1").json(request.json(3));
    });
    t.server.post("/name", [](const http::Request& request, http::Response& response) {
        const auto value = request.json();
        if (!value.is_object() || !value.get_object().contains("name"))
            throw http::BadRequest("name: a text is needed", 422);
        response.no_content();
    });
    t.start();
    Client client(t.port());
    const struct {
        std::string type, body;
        int status;
        std::string want;
    } cases[] = {
        {"application/json", " {\"a\": [1, null]} ", 200, "{\"a\":[1,null]}"},
        {"application/problem+json; charset=utf-8", "1", 200, "1"},
        {"application/json", "{\"a\":1,\"a\":2}", 200, "{\"a\":2}"},
        {"application/json", "[[[1]]]", 200, "[[[1]]]"},
        {"application/json", "[[[[1]]]]", 400,
         "400 Bad Request: the body is not JSON: too deep at byte 3\n"},
        {"application/json", "{\"a\":}", 400,
         "400 Bad Request: the body is not JSON: syntax error at byte 5\n"},
        {"application/json", "[1", 400,
         "400 Bad Request: the body is not JSON: incomplete JSON at byte 2\n"},
        {"application/json", "", 400,
         "400 Bad Request: the body is not JSON: incomplete JSON at byte 0\n"},
        {"application/json", "1 2", 400,
         "400 Bad Request: the body is not JSON: extra data at byte 2\n"},
        {"application/json", "\"\xff\"", 400,
         "400 Bad Request: the body is not JSON: syntax error at byte 1\n"},
        {"text/plain", "{}", 415,
         "415 Unsupported Media Type: Content-Type must be application/json\n"},
    };
    for (const auto& c : cases) {
        const auto answer = client.request(post("/", c.type, c.body));
        EXPECT_EQ(answer.status, c.status) << c.body;
        EXPECT_EQ(answer.body, c.want) << c.body;
        EXPECT_EQ(answer.has("X-Not-In-An-Error: 1"), c.status == 200) << c.body;
    }
    // The connection goes on, a page can read the status, and no handler is blamed.
    const auto refused = client.request(
        "POST /name HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(refused.body, "422 Unprocessable Content: name: a text is needed\n");
    EXPECT_TRUE(refused.has("Access-Control-Allow-Origin: https://a.example\r\n"));
    EXPECT_EQ(t.stats().handler_exceptions, 0u);
    EXPECT_THROW(http::BadRequest("x", 500), std::invalid_argument);
}

TEST(HttpMultipart, GivesThePartsOfAWholeBody) {
    TestServer t;
    t.server.post("/", [](const http::Request& request, http::Response& response) {
        std::string text;
        for (const auto& part : request.multipart({.parts_max = 2}))
            text += part.name + "|" + part.filename.value_or("none") + "|" + part.content_type +
                    "|" + std::string(part.body) + "\n";
        response.text(text);
    });
    t.start();
    Client client(t.port());
    const std::string type = "multipart/form-data; boundary=x";
    const auto field = [](const std::string& head, const std::string& body) {
        return "--x\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + body + "\r\n";
    };
    const std::string file =
        field("name=f; filename=a.bin\r\nContent-Type: image/png", std::string("\r\n\0--x-", 7));
    EXPECT_EQ(client.request(post("/", type, field("name=a", "1") + file + "--x--\r\n")).body,
              "a|none|text/plain|1\nf|a.bin|image/png|" + std::string("\r\n\0--x-", 7) + "\n");
    EXPECT_EQ(client.request(post("/", type, "--x--\r\n")).body, "");
    EXPECT_EQ(client.request(post("/", type, field("name=a", "1"))).body,
              "400 Bad Request: the form: the closing boundary is missing\n");
    EXPECT_EQ(client.request(post("/", type, file + file + file + "--x--")).body,
              "413 Content Too Large: the form: too many parts\n");
    EXPECT_EQ(client.request(post("/", "multipart/form-data", "--x--")).body,
              "400 Bad Request: the Content-Type has no valid boundary\n");
    EXPECT_EQ(client.request(post("/", "multipart/mixed; boundary=x", "--x--")).status, 415);
    EXPECT_EQ(t.stats().handler_exceptions, 0u);
}

// ---- files --------------------------------------------------------------------------------------

class HttpFile : public ::testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "starling-file-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        write("note.txt", "hello, file");
        write("big.bin", std::string(1'000'000, 'b'));
        ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
        t_.server.get("/*", [this](const http::Request& request, http::Response& response) {
            response.header("Content-Disposition", "attachment")
                .header("Cache-Control", "max-age=9")
                .file(folder_ / std::string(request.param("*")));
        });
        t_.server.get("/tagged", [this](const http::Request&, http::Response& response) {
            response.header("ETag", "\"mine\"")
                .header("Content-Type", "text/x-mine")
                .file(folder_ / "note.txt");
        });
        t_.server.get("/gone", [this](const http::Request&, http::Response& response) {
            response.status(410).file(folder_ / "note.txt");
        });
        t_.server.get("/later", [this](const http::Request&, http::Response& response) {
            t_.server.after(0ms, [this, reply = response.later()] {
                http::Response answer;
                answer.file(folder_ / "big.bin");
                reply.send(std::move(answer));
            });
        });
        t_.server.post("/", [this](const http::Request&, http::Response& response) {
            response.file(folder_ / "note.txt");
        });
        t_.start();
    }
    void TearDown() override { fs::remove_all(folder_); }
    void write(const std::string& name, const std::string& bytes) {
        std::ofstream(folder_ / name, std::ios::binary) << bytes;
    }

    fs::path folder_;
    TestServer t_;
};

TEST_F(HttpFile, IsSentWithItsTypeAndValidators) {
    Client client(t_.port());
    const auto whole = client.get("/note.txt");
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.body, "hello, file");
    for (const char* line :
         {"Content-Type: text/plain; charset=utf-8\r\n", "ETag: \"",
          "Last-Modified: ", "Accept-Ranges: bytes\r\n", "Content-Disposition: attachment\r\n"})
        EXPECT_TRUE(whole.has(line)) << whole.head;
    const size_t at = whole.head.find("ETag: ") + 6;
    const std::string etag = whole.head.substr(at, whole.head.find("\r\n", at) - at);

    EXPECT_EQ(client.get("/note.txt", "If-None-Match: " + etag + "\r\n").status, 304);
    EXPECT_EQ(client.get("/note.txt", "If-Match: \"other\"\r\n").status, 412);
    const auto part = client.get("/note.txt", "Range: bytes=7-\r\nIf-Range: " + etag + "\r\n");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "file");
    EXPECT_TRUE(part.has("Content-Range: bytes 7-10/11\r\n"));
    EXPECT_EQ(client.get("/note.txt", "Range: bytes=11-\r\n").status, 416);
    const auto head =
        client.request("HEAD /note.txt HTTP/1.1\r\nHost: a\r\n\r\n", /*head_request=*/true);
    EXPECT_TRUE(head.has("Content-Length: 11\r\n"));

    const auto tagged = client.get("/tagged");
    EXPECT_TRUE(tagged.has("ETag: \"mine\"\r\n"));
    EXPECT_TRUE(tagged.has("Content-Type: text/x-mine\r\n"));
    EXPECT_EQ(client.get("/tagged", "If-None-Match: \"mine\"\r\n").status, 304);
    // Conditions and ranges apply only to the answer that a GET would have.
    const auto gone = client.get("/gone", "Range: bytes=0-1\r\n");
    EXPECT_EQ(gone.status, 410);
    EXPECT_EQ(gone.body, "hello, file");
    EXPECT_EQ(client.request(post("/", "text/plain", "x")).body, "hello, file");
}

TEST_F(HttpFile, IsMissingWhereThereIsNoRegularFile) {
    Client client(t_.port());
    for (const char* path : {"/none", "/", "/fifo", "/note.txt/x"}) {
        const auto answer = client.get(path);
        EXPECT_EQ(answer.status, 404) << path;
        EXPECT_EQ(answer.body, "404 Not Found\n") << path;
        for (const char* name : {"Content-Disposition", "Cache-Control", "ETag", "Last-Modified"})
            EXPECT_FALSE(answer.has(name)) << path << answer.head;
    }
}

TEST_F(HttpFile, LargeOnesAreStreamedAndLaterOnesToo) {
    Client client(t_.port());
    EXPECT_EQ(client.get("/big.bin").body, std::string(1'000'000, 'b'));
    const auto part = client.get("/big.bin", "Range: bytes=100000-899999\r\n");
    EXPECT_EQ(part.body, std::string(800'000, 'b'));
    const auto later = client.get("/later", "Range: bytes=0-9\r\n");
    EXPECT_EQ(later.status, 206);
    EXPECT_EQ(later.body, std::string(10, 'b'));
    EXPECT_EQ(client.get("/note.txt").body, "hello, file");
}

TEST_F(HttpFile, SlowDownloadsOfOneFileShareItsDescriptor) {
    const fs::path path = folder_ / "huge.bin";
    write("huge.bin", "");
    fs::resize_file(path, 50'000'000);
    const auto open_descriptors = [&] {
        size_t count = 0;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
            count += fs::read_symlink(entry.path(), error) == path;
        return count;
    };
    {
        Client one(t_.port(), 4096), other(t_.port(), 4096);
        for (Client* client : {&one, &other}) {
            client->send("GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n");
            EXPECT_NE(client->read_until("\r\n\r\n").find("Content-Length: 50000000"),
                      std::string::npos);
        }
        EXPECT_EQ(open_descriptors(), 1u);
    }
    EXPECT_TRUE(eventually([&] { return open_descriptors() == 0; }));
}

// ---- bytes --------------------------------------------------------------------------------------

TEST(AnyBytes, AreBodies) {
    static constexpr std::array<uint8_t, 3> fixed{1, 2, 3};
    TestServer t;
    t.server.get("/", [](const http::Request&, http::Response& response) {
        response.body(fixed, "application/octet-stream");
    });
    t.server.get("/pieces", [](const http::Request&, http::Response& response) {
        const http::Reply reply = response.later();
        EXPECT_TRUE(reply.write(fixed));
        reply.end();
    });
    t.start();
    EXPECT_EQ(Client(t.port()).get("/").body, "\x01\x02\x03");
    EXPECT_EQ(Client(t.port()).get("/pieces").body, "\x01\x02\x03");
}

}  // namespace
}  // namespace starling::server::test

// app/publish/http_post.h: one POST or GET request by libcurl, for commands that call a running
// server. Only http_post.cpp uses libcurl.
//
// Thread: main's; send() blocks until the answer is there or the time is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::app {

// Where a server is: a URL without a slash at its end, and for a Unix-domain socket its path.
struct ServerAddress {
    std::string url;               // "https://example.com/prefix"
    std::string unix_socket = {};  // "/run/starling.sock"; "": TCP.
    bool local = false;            // This machine: no proxy of the environment counts.
};

// "http://HOST[:PORT][/PREFIX]", the same with https, or "unix:PATH[:/PREFIX]". The failure says
// what is wrong.
[[nodiscard]] base::Result<ServerAddress> parse_server_address(std::string_view text);

struct HttpPost {
    ServerAddress server;
    std::string target;                   // Added to the URL: "/api/publish".
    std::string api_key = {}, body = {};  // `api_key`: no control characters.
    std::string ca_path = {};             // PEM; "": the system's certificates.
    bool verify = true;                   // False: any certificate is taken.
    uint32_t timeout_ms = 30'000;         // The whole request.
    bool get = false;                     // GET in place of POST, without a body.
    size_t answer_bytes_max = 64 * 1024;
};

struct HttpAnswer {
    int status = 0;             // 0: no answer; `error` says why.
    std::string location = {};  // Of a redirect, which is not followed.
    std::string body = {};      // At most answer_bytes_max; what comes after is left out.
    std::string error = {};     // "connection refused"
};

[[nodiscard]] HttpAnswer send(const HttpPost& request);

}  // namespace starling::app

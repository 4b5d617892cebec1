#include "app/publish/http_post.h"

#include <starling/server.h>

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

#include "base/text.h"

namespace starling::app {
namespace {

constexpr uint32_t connect_timeout_ms_max = 10'000;
constexpr size_t location_bytes_max = 2048;

template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        function(object);
    }
};
using Url = std::unique_ptr<CURLU, Free<curl_url_cleanup>>;
using Easy = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using Lines = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;
using Text = std::unique_ptr<char, Free<curl_free>>;

struct Global {
    Global() { curl_global_init(CURL_GLOBAL_DEFAULT); }
    ~Global() { curl_global_cleanup(); }
    Global(const Global&) = delete;
    Global& operator=(const Global&) = delete;
};

std::string part(CURLU* url, CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
    return Text(text).get();
}

bool names_loopback(std::string_view host) {
    return host == "localhost" || host == "localhost." || host.ends_with(".localhost") ||
           host == "[::1]" ||
           (host.starts_with("127.") &&
            host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string without_slash(std::string text) {
    while (text.ends_with('/')) text.pop_back();
    return text;
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<uint8_t>(c) <= 0x20 || c == 0x7f; });
}

void append_line(Lines& lines, const std::string& line) {
    curl_slist* const longer = curl_slist_append(lines.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    (void)lines.release();
    lines.reset(longer);
}

// Where the body of the answer goes.
struct Taken {
    std::string& body;
    size_t bytes_max;
};

size_t take_body(char* bytes, size_t size, size_t count, void* to) {
    Taken& taken = *static_cast<Taken*>(to);
    const size_t room = taken.bytes_max - taken.body.size(), all = size * count;
    taken.body.append(bytes, std::min(room, all));
    return all <= room ? all : 0;  // 0 ends the transfer; the status stands.
}

std::string connect_text(CURL* easy, const char* text) {
    long error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    if (error == ECONNREFUSED) return "connection refused";
    if (error == ENOENT) return "no such Unix-domain socket";
    if (error) return std::generic_category().message(static_cast<int>(error));
    return *text ? text : "no connection";
}

// Why there is no answer, in words.
std::string describe(CURL* easy, CURLcode result, const char* text, uint32_t timeout_ms) {
    long tunnel = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (tunnel >= 300) return "the proxy refuses the tunnel with " + std::to_string(tunnel);
    switch (result) {
        case CURLE_COULDNT_RESOLVE_HOST: return "the name of the host is not found";
        case CURLE_COULDNT_RESOLVE_PROXY: return "the name of the proxy is not found";
        case CURLE_COULDNT_CONNECT: return connect_text(easy, text);
        case CURLE_OPERATION_TIMEDOUT:
            return "no answer within " + std::to_string(timeout_ms / 1000) + " s";
        case CURLE_PEER_FAILED_VERIFICATION: return std::string("the certificate: ") + text;
        case CURLE_SSL_CACERT_BADFILE: return "--ca: holds no certificate that can be read";
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING: return "the connection was closed before an answer came";
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY: return "the answer is not HTTP";
        default: return *text ? text : curl_easy_strerror(result);
    }
}

void set_options(CURL* easy, const HttpPost& request, const std::string& url) {
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, ("starling/" + std::string(version())).c_str());
    if (!request.get) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(std::min(request.timeout_ms, connect_timeout_ms_max)));
    // A proxy that makes a tunnel does not get the key.
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    if (request.server.local) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!request.server.unix_socket.empty())
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.server.unix_socket.c_str());
    if (!request.ca_path.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_path.c_str());
        curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // Else the system's are trusted too.
    }
    if (!request.verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

}  // namespace

base::Result<ServerAddress> parse_server_address(std::string_view text) {
    constexpr std::string_view unix_scheme = "unix:";
    if (has_control(text)) return base::Failure("must not contain spaces or control characters");
    if (text.starts_with(unix_scheme)) {
        text.remove_prefix(unix_scheme.size());
        const size_t colon = text.find(':');
        const std::string_view path = text.substr(0, colon);
        const std::string_view prefix =
            colon == std::string_view::npos ? "" : text.substr(colon + 1);
        if (path.empty() || (!prefix.empty() && !prefix.starts_with('/')))
            return base::Failure("must be unix:PATH or unix:PATH:/PREFIX");
        return ServerAddress{without_slash("http://localhost" + std::string(prefix)),
                             std::string(path), true};
    }
    const bool http = text.starts_with("http://") || text.starts_with("https://");
    if (!http) return base::Failure("must begin with http://, https:// or unix:");
    const Url url(curl_url());
    if (!url) throw std::bad_alloc();
    const std::string copy(text);
    if (const CURLUcode fault = curl_url_set(url.get(), CURLUPART_URL, copy.c_str(), 0))
        return base::Failure(std::string(curl_url_strerror(fault)));
    const bool user = !part(url.get(), CURLUPART_USER).empty();
    if (user || text.find_first_of("?#") != std::string_view::npos)
        return base::Failure("must not contain a user, a query or a fragment");
    std::string host = part(url.get(), CURLUPART_HOST);
    std::ranges::transform(host, host.begin(), base::lower);
    return ServerAddress{without_slash(copy), {}, names_loopback(host)};
}

HttpAnswer send(const HttpPost& request) {
    const Global global;
    const Easy easy(curl_easy_init());
    if (!easy) throw std::bad_alloc();
    HttpAnswer answer;
    std::array<char, CURL_ERROR_SIZE> text{};
    const std::string url = request.server.url + request.target;
    Lines lines;
    append_line(lines, "Content-Type: application/json");
    if (!request.api_key.empty()) append_line(lines, "X-Api-Key: " + request.api_key);
    set_options(easy.get(), request, url);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, lines.get());
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, text.data());
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &take_body);
    Taken taken{answer.body, request.answer_bytes_max};
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &taken);
    const CURLcode result = curl_easy_perform(easy.get());
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    char* location = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &location);
    if (location) answer.location = std::string(location).substr(0, location_bytes_max);
    // A server that refuses a body answers before it has read the body, and may close at once.
    const bool refused = status >= 300 && result != CURLE_OPERATION_TIMEDOUT;
    if (result == CURLE_OK || result == CURLE_WRITE_ERROR || refused)
        answer.status = static_cast<int>(status);
    else
        answer.error = describe(easy.get(), result, text.data(), request.timeout_ms);
    return answer;
}

}  // namespace starling::app

#include "fetch/failure.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace starling::fetch {

namespace {

std::string within(std::string_view what, uint32_t timeout_ms) {
    return std::string(what) + " within " + std::to_string(timeout_ms) + " ms";
}

// Removes libcurl's prefix, as in "SSL certificate problem: self-signed certificate": the text of
// this file says the same.
std::string certificate_text(std::string_view text) {
    constexpr std::string_view said[] = {"SSL certificate problem: ", "SSL: "};
    for (const std::string_view prefix : said)
        if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    return "the certificate is not valid" + (text.empty() ? "" : ": " + std::string(text));
}

std::string connect_text(const Failure& failure) {
    long os_error = 0;
    curl_easy_getinfo(failure.easy, CURLINFO_OS_ERRNO, &os_error);
    if (failure.socket_errno) return failure_text::no_socket(failure.socket_errno);
    if (os_error) return failure_text::no_connection(static_cast<int>(os_error));
    return failure.text[0] ? failure.text : "no connection";
}

std::string with_text(std::string_view what, const Failure& failure) {
    return std::string(what) + (failure.text[0] ? std::string(": ") + failure.text : "");
}

}  // namespace

std::string failure_text::timed_out(bool connected, const TargetOptions& options) {
    return connected
               ? within("no answer", options.timeout_ms)
               : within("no connection", std::min(options.connect_timeout_ms, options.timeout_ms));
}

std::string failure_text::no_socket(int error) {
    return "no socket: " + std::system_category().message(error);
}

std::string failure_text::no_connection(int error) {
    switch (error) {
        case ECONNREFUSED: return "connection refused";
        case EHOSTUNREACH:
        case ENETUNREACH: return "no route to the host";
        case ENOENT: return "no such Unix-domain socket";
        default: return "no connection: " + std::system_category().message(error);
    }
}

std::string describe(const Failure& failure) {
    using namespace failure_text;
    if (failure.result == CURLE_OPERATION_TIMEDOUT)
        return timed_out(failure.connected, failure.options);
    if (failure.cut) return std::string(head_too_long);
    if (failure.head_begun && failure.connected) return std::string(ended_in_head);
    // The request was sent, so libcurl's error describes the second try that Request has prevented.
    const bool tls = failure.result == CURLE_SSL_CONNECT_ERROR;
    if (failure.sent && failure.result != CURLE_UNSUPPORTED_PROTOCOL &&
        failure.result != CURLE_WEIRD_SERVER_REPLY && failure.result != CURLE_HTTP2 && !tls)
        return std::string(no_answer);
    switch (failure.result) {
        case CURLE_COULDNT_RESOLVE_HOST: return "the name of the host is not found";
        case CURLE_COULDNT_RESOLVE_PROXY: return "the name of the proxy is not found";
        case CURLE_COULDNT_CONNECT: return connect_text(failure);
        case CURLE_PEER_FAILED_VERIFICATION: return certificate_text(failure.text);
        case CURLE_SSL_CONNECT_ERROR: return with_text("TLS failed", failure);
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING: return std::string(not_sent);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY: return std::string(not_http);
        case CURLE_OUT_OF_MEMORY: return std::string(no_memory);
        default: return with_text(curl_easy_strerror(failure.result), failure);
    }
}

}  // namespace starling::fetch

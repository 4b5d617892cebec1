// bench/heap.h: asks the server how many bytes its allocator has given out. The answer is a number
// and a line feed in the body of a response. The connection for the question stays open, so it does
// not count as growth.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "options.h"
#include "sockets.h"

namespace starling::bench {

class HeapQuestion {
public:
    explicit HeapQuestion(const Options& options) : options_(options) {}

    // 0: the server is not asked.
    int64_t bytes() {
        if (options_.heap_path.empty()) return 0;
        if (fd_.get() < 0) fd_ = connect_to_server(options_, 0);
        send_all(fd_, "GET " + options_.heap_path + " HTTP/1.1\r\nHost: 127.0.0.1:" +
                          std::to_string(options_.port) + "\r\n\r\n");
        std::string response = receive_response(fd_);
        const size_t body = response.find("\r\n\r\n") + 4;
        while (response.size() == body || std::isdigit(response.back()))
            response += receive(fd_, 4096);
        return std::strtoll(response.c_str() + body, nullptr, 10);
    }

private:
    const Options& options_;
    Fd fd_;
};

}  // namespace starling::bench

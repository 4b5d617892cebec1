// A WebSocket client: sends texts and files, and prints what the server sends back. A file is sent as a
// binary message; what comes back is compared with it. Usage: websocket_client URL [TEXT | @FILE]...
#include <starling/client.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

std::vector<char> content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::cerr << "usage: websocket_client URL [TEXT | @FILE]...\n";
        return 2;
    }
    int waiting = count - 2, status = 1;
    std::vector<char> sent;  // The newest file.
    starling::ClientLoop loop;
    starling::WebSocket socket(loop, arguments[1]);
    socket.onopen = [&] {
        std::cout << "open\n";
        for (int i = 2; i < count; ++i) {
            const std::string argument = arguments[i];
            if (argument.starts_with('@'))
                socket.send(sent = content_of(argument.substr(1)));
            else
                socket.send(argument);
        }
        if (waiting == 0) socket.close(1000);
    };
    socket.onmessage = [&](const starling::MessageEvent& event) {
        if (event.is_binary())
            std::cout << "binary: " << event.text().size() << " bytes, "
                      << (std::ranges::equal(event.text(), sent) ? "as sent\n" : "not as sent\n");
        else
            std::cout << "text: " << event.text() << '\n';
        if (--waiting == 0) socket.close(1000);
    };
    socket.onerror = [](const starling::ErrorEvent& event) {
        std::cerr << "error: " << event.message << '\n';
    };
    socket.onclose = [&](const starling::CloseEvent& event) {
        std::cout << "closed: " << event.code << " \"" << event.reason << "\"\n";
        status = event.was_clean ? 0 : 1;
    };
    loop.run();
    return status;
}

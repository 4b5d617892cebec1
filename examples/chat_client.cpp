// A chat client in the terminal for examples/chat: each line is a message. It connects again when the
// server goes away. Usage: chat_client URL NAME
#include <starling/client_reconnect.h>

#include <boost/json.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: chat_client URL NAME\n";
        return 2;
    }
    const std::string name = arguments[2];
    starling::ClientLoop loop;
    starling::ReconnectingWebSocket socket(loop, arguments[1]);

    socket.onmessage = [](const starling::MessageEvent& event) {
        std::cout << event.text() << std::endl;
    };
    socket.onlost = [](const starling::LostEvent& event) {
        std::cout << "* disconnected: " << event.code << " \"" << event.message << '"' << std::endl;
        for (const starling::LostMessage& message : event.messages)
            std::cout << "* perhaps lost: " << message.data << std::endl;
    };
    const auto say = [&](const std::string& line) {
        const boost::json::value said{{"name", name}, {"msg", line}};
        if (!socket.send(boost::json::serialize(said)))
            std::cout << "* not sent: " << line << std::endl;
    };
    // The lines are read on a thread of their own; only post() works there.
    std::thread reader;
    socket.onopen = [&] {
        std::cout << "* connected" << std::endl;
        if (reader.joinable()) return;
        reader = std::thread([&] {
            for (std::string line; std::getline(std::cin, line);)
                if (!line.empty()) loop.post([&say, line] { say(line); });
            loop.post([&] { socket.close(1000); });
        });
    };
    bool by_server = true;
    socket.onclose = [&](const starling::CloseEvent& event) { by_server = !event.was_clean; };
    loop.run();
    if (by_server) std::_Exit(1);  // The reader still waits for a line.
    reader.join();
    return 0;
}

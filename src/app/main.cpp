#include "app/run.h"

#include <signal.h>
#include <unistd.h>

#include <climits>
#include <iostream>
#include <string_view>

namespace {

starling::app::Environment environment_of(char** variables) {
    starling::app::Environment environment;
    for (char** variable = variables; *variable; ++variable) {
        const std::string_view text = *variable;
        const size_t equals = text.find('=');
        if (equals != std::string_view::npos)
            environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

std::string executable_path() {
    char path[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

}  // namespace

int main(int count, char** arguments) {
    ::signal(SIGPIPE, SIG_IGN);  // A closed output pipe does not end the server.
    std::vector<std::string> args(arguments + (count > 0), arguments + count);
    // The name under which Olares starts its WebSocket container.
    const std::string_view name = count > 0 ? arguments[0] : "";
    if (args.empty() && name.substr(name.rfind('/') + 1) == "ws-gateway")
        args = {"gateway", "--olares", "--listen", "0.0.0.0:40010"};
    return starling::app::run(args, environment_of(environ), executable_path(),
                              {std::cin, std::cout, std::cerr});
}

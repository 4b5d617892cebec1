#include "server/admin/process_figures.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace starling::server {
namespace {

// The file's text, of at most 4 KiB; "": it cannot be read.
std::string read_small(const char* path) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "re"), &std::fclose);
    if (!file) return {};
    std::array<char, 4096> text;
    return {text.data(), std::fread(text.data(), 1, text.size(), file.get())};
}

// proc(5): the fields of /proc/self/stat from the third on follow the last ')'.
void add_stat(Figures& figures) {
    const std::string text = read_small("/proc/self/stat");
    const size_t end = text.rfind(')');
    unsigned long long user = 0, system = 0, started = 0, virtual_bytes = 0;
    long threads = 0, pages = 0;
    if (end == std::string::npos ||
        std::sscanf(text.c_str() + end + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %ld "
                    "%*d %llu %llu %ld",
                    &user, &system, &threads, &started, &virtual_bytes, &pages) != 6)
        return;
    const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
    figures.seconds_total("process_cpu_seconds_total", "CPU time, user and system",
                          static_cast<double>(user + system) / tick);
    figures.gauge("process_resident_memory_bytes", "Memory that is resident",
                  static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    figures.gauge("process_virtual_memory_bytes", "Address space in use",
                  static_cast<double>(virtual_bytes));
    figures.gauge("process_threads", "Threads", static_cast<double>(threads));
    const std::string boot = read_small("/proc/stat");
    const size_t at = boot.find("btime ");
    unsigned long long boot_s = 0;
    if (at != std::string::npos && std::sscanf(boot.c_str() + at, "btime %llu", &boot_s) == 1)
        figures.gauge("process_start_time_seconds", "Start of the process, Unix time",
                      static_cast<double>(boot_s) + static_cast<double>(started) / tick);
}

void add_descriptors(Figures& figures) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
    if (folder) {
        size_t entries = 0;
        while (::readdir(folder.get())) ++entries;
        // Without ".", ".." and the descriptor of the folder itself.
        figures.gauge("process_open_fds", "Open file descriptors",
                      static_cast<double>(entries) - 3);
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        figures.gauge("process_max_fds", "Limit of open file descriptors",
                      static_cast<double>(limit.rlim_cur));
}

}  // namespace

void add_process_figures(Figures& figures) {
    add_stat(figures);
    add_descriptors(figures);
}

void add_allocator_figures(Figures& figures) {
    const struct mallinfo2 info = ::mallinfo2();
    constexpr std::string_view name = "starling_allocator_bytes",
                               help = "Memory of the allocator, by state";
    figures.gauge(name, help, static_cast<double>(info.uordblks + info.hblkhd),
                  label("state", "used"));
    figures.gauge(name, help, static_cast<double>(info.fordblks), label("state", "free"));
}

}  // namespace starling::server

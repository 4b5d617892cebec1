#include "server/admin/process_figures.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
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

double seconds_of(clockid_t clock) noexcept {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
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
    // Once, since the figure must not move when the clock is set.
    static const double booted_s = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
    figures.gauge("process_start_time_seconds", "Start of the process, Unix time",
                  booted_s + static_cast<double>(started) / tick);
}

// Nothing: /proc cannot be read.
std::optional<size_t> open_descriptors() {
    constexpr const char* path = "/proc/self/fd";
    // Since Linux 6.2 the size of the folder is the number; before it is 0. To read the folder
    // takes long where there are many.
    struct stat info {};
    if (::stat(path, &info) == 0 && info.st_size > 0) return static_cast<size_t>(info.st_size);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path), &::closedir);
    if (!folder) return std::nullopt;
    size_t entries = 0;
    while (::readdir(folder.get())) ++entries;
    return entries - 3;  // Without ".", ".." and the descriptor of the folder itself.
}

void add_descriptors(Figures& figures) {
    if (const auto open = open_descriptors())
        figures.gauge("process_open_fds", "Open file descriptors", static_cast<double>(*open));
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

# The program on Linux with Homebrew, from the clone in which this file lies. Homebrew takes a formula from a tap alone:
#   brew tap-new local/starling
#   sed "s|CLONE|$PWD|" packaging/homebrew/starling.rb >"$(brew --repository local/starling)/Formula/starling.rb"
#   brew install --HEAD local/starling/starling
# The tests compare its dependencies with those of cmake/dependencies.cmake; they do not run Homebrew.
class Starling < Formula
  desc "Real-time server: WebSocket, Socket.IO, server events and an HTTP push API"
  license "MIT"
  head "file://CLONE", using: :git, branch: "main"

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "pkgconf" => :build
  depends_on "boost"
  depends_on "c-ares"
  depends_on "cli11"
  depends_on "curl"
  depends_on "libedit"
  depends_on "liburing"
  depends_on "libxcrypt"
  depends_on :linux
  depends_on "openssl@3"
  depends_on "simdjson"
  depends_on "spdlog"
  depends_on "sqlite"
  depends_on "yaml-cpp"
  depends_on "zlib"

  def install
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", *std_cmake_args
    system "cmake", "--build", "build", "--target", "starling", "starling_lib"
    system "cmake", "--install", "build", "--component", "runtime"
  end

  service do
    run [opt_bin/"starling", "serve", "--config", etc/"starling/starling.yaml"]
    keep_alive crashed: true
  end

  test do
    assert_match "starling", shell_output("#{bin}/starling --version")
  end
end

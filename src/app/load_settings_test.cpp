// Which files are there, which are not, and which cannot be read: on a real file system.
#include "app/load_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace ai_proxy::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LoadSettings : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ai-proxy-settings-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    command_line_.dotenv_file = directory_ + "/.env";
    command_line_.config_file = directory_ + "/config.yaml";
    write(command_line_.config_file, "server:\n  port: 8081\n");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

  std::vector<std::string> faults() const {
    const auto settings = load_settings(command_line_);
    return settings ? std::vector<std::string>{} : settings.error();
  }

  std::string directory_;
  CommandLine command_line_;
};

TEST_F(LoadSettings, ReadsBothFiles) {
  write(command_line_.dotenv_file, "AI_PROXY_DRAIN_SECONDS=7\n");
  const auto settings = load_settings(command_line_);
  ASSERT_TRUE(settings);
  EXPECT_EQ((*settings)->port, 8081);
  EXPECT_EQ((*settings)->drain_time, std::chrono::seconds(7));
}

TEST_F(LoadSettings, TakesOnlyAMissingDotenvForNone) {
  EXPECT_THAT(faults(), IsEmpty());
  command_line_.dotenv_file = command_line_.config_file + "/.env";  // below what is no directory
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(LoadSettings, RefusesAFileThatIsThereAndCannotBeRead) {
  for (std::string CommandLine::* const which : {&CommandLine::dotenv_file, &CommandLine::config_file}) {
    const std::string& path = command_line_.*which;
    std::filesystem::remove(path);

    std::filesystem::create_directory(path);
    EXPECT_THAT(faults(),
                ElementsAre(path + ": there is no such file: what has its name is a directory or a device."));
    std::filesystem::remove(path);

    write(path, "");
    std::filesystem::resize_file(path, 64 * 1024 * 1024 + 1);  // a hole: it takes no room
    EXPECT_THAT(faults(), ElementsAre(path + ": the file is larger than 64 MiB."));
    std::filesystem::remove(path);

    std::filesystem::create_symlink(path, path);
    EXPECT_THAT(faults(),
                ElementsAre(path + ": the file cannot be read (Too many levels of symbolic links)."));
    std::filesystem::remove(path);
  }
}

TEST_F(LoadSettings, RefusesAFileForWhichNoDescriptorIsLeft) {
  // UBSan looks at a class for the first time with a pipe, for which there will be no descriptor.
  std::filesystem::create_symlink(command_line_.dotenv_file, command_line_.dotenv_file);
  EXPECT_EQ(faults().size(), 1u);
  std::filesystem::remove(command_line_.dotenv_file);

  write(command_line_.dotenv_file, "AI_PROXY_DRAIN_SECONDS=7\n");
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto told = faults();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(told,
              ElementsAre(command_line_.dotenv_file + ": the file cannot be read (Too many open files)."));
}

TEST_F(LoadSettings, NamesAConfigurationFileThatIsMissing) {
  std::filesystem::remove(command_line_.config_file);
  EXPECT_THAT(faults(), ElementsAre(command_line_.config_file + ": there is no such file."));
}

}  // namespace
}  // namespace ai_proxy::app

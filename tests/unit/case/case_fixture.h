// Cases written as text, read from a temporary folder.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "replay/case/read_case.h"
#include "replay/case/write_case.h"
#include "tests/temporary_folder.h"

namespace kubeproof {

class CaseTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.file(name); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
    return path(name);
  }

  // A case with these steps, on a node with the pod 10.180.0.5.
  std::string with_steps(const std::string& steps, const std::string& more = "") {
    return write("case.yaml",
                 "kubeproof: v1\n"
                 "node:\n"
                 "  name: node-a\n"
                 "  addresses: [192.168.0.2, \"2001:db8::2\"]\n"
                 "  podCIDRs: [10.180.0.0/24]\n" +
                     more +
                     "objects:\n"
                     "  - kind: Pod\n"
                     "    apiVersion: v1\n"
                     "    metadata: { name: web, namespace: default }\n"
                     "    spec: { nodeName: node-a }\n"
                     "    status: { podIPs: [{ ip: 10.180.0.5 }] }\n"
                     "steps:\n" +
                     steps);
  }

  Case read(const std::string& file) {
    auto read = read_case(file);
    EXPECT_TRUE(read) << read.error().message;
    return read ? *std::move(read) : Case{};
  }

  // The error, without the folder in front of it.
  std::string error_of(const std::string& file) {
    const auto read = read_case(file);
    if (read) return "no error";
    EXPECT_EQ(read.error().kind, ErrorKind::kBadInput);
    const std::string& message = read.error().message;
    const std::string folder = folder_.path().string();
    return message.starts_with(folder) ? message.substr(folder.size() + 1) : message;
  }

  TemporaryFolder folder_;
};

}  // namespace kubeproof

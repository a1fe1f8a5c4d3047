// The programs that tests are about, loaded once for the tests of one process that follow one
// another: the verifier takes longer over them than most tests do.
#pragma once

#include <string>

#include "datapath/control/datapath.h"
#include "model/result.h"

namespace kubeproof {

// As after loading, but for services, which the next program() takes away. The built-in programs,
// or what tests/breaks puts in their place (tested_programs.h).
Result<Datapath> take_datapath(const MapSizes& sizes, bool xdp);

// For the next test that asks for the same. Nothing may be attached.
void return_datapath(Datapath datapath, const MapSizes& sizes, bool xdp);

// A descriptor of a map of its programs, for whoever meddles with entries behind its back; -1 where
// there is none of that name.
int map_of(const Datapath& datapath, const std::string& name);

}  // namespace kubeproof

// Several runs told as one: the cases of a folder.
#pragma once

#include "replay/report/report.h"

namespace kubeproof {

// Adds the counts of `part` to `total`, engine by engine, and takes over what it tells of single
// packets and expectations.
void merge_into(Report& total, Report part);
// The same for one engine.
void merge_column(ColumnReport& total, ColumnReport part);

}  // namespace kubeproof

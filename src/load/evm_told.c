/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a chain: the section "evm" of a result. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load/evm.h"

#define US_PER_S 1e6

static struct result_row *add_row(struct result_section *section, const char *name, double value)
{
	struct result_row *row = &section->rows[section->row_count++];

	(void)snprintf(row->name, sizeof(row->name), "%s", name);
	row->value = value;
	return row;
}

static void add_count(struct result_section *section, const char *name, uint64_t count)
{
	struct result_row *row = add_row(section, name, (double)count);

	(void)snprintf(row->text, sizeof(row->text), "%" PRIu64, count);
}

static void add_rate(struct result_section *section, const char *name, double rate)
{
	struct result_row *row = add_row(section, name, rate);
	const char *unit = rate >= 1e9 ? " G" : rate >= 1e6 ? " M" : rate >= 1e3 ? " k" : "";
	double shown = rate >= 1e9 ? rate / 1e9
		: rate >= 1e6      ? rate / 1e6
		: rate >= 1e3      ? rate / 1e3
				   : rate;

	(void)snprintf(row->text, sizeof(row->text), "%.3g%s", shown, unit);
}

static void add_seconds(struct result_section *section, const char *name, double seconds)
{
	struct result_row *row = add_row(section, name, seconds);

	if (seconds < 1) {
		(void)snprintf(row->text, sizeof(row->text), "%.3g ms", seconds * 1e3);
	} else {
		(void)snprintf(row->text, sizeof(row->text), "%.3g s", seconds);
	}
}

static void tell_chain(const struct evm *evm, struct result_section *section)
{
	const struct chain *chain = &evm->chain;

	add_count(section, "blocks", chain->blocks);
	if (chain->times.total) {
		add_seconds(section, "block_time_mean_seconds",
			histogram_mean_us(&chain->times) / US_PER_S);
		add_seconds(section, "block_time_p99_seconds",
			(double)histogram_percentile(&chain->times, 99) / US_PER_S);
	}
	if (chain->last_ns > chain->first_ns) {
		add_rate(section, "gas_per_second", chain_gas_per_second(chain));
	}
	if (chain->blocks) {
		add_rate(section, "transactions_per_block",
			(double)chain->transactions / (double)chain->blocks);
	}
	add_count(section, "reorganizations", chain->reorganizations);
	add_count(section, "outages", evm->collected.outages);
}

static void tell_inclusion(struct evm *evm, struct result_section *section)
{
	struct inclusion_counts counts;

	inclusion_counts_now(&evm->inclusion, &counts);
	add_count(section, "accepted", counts.accepted);
	add_count(section, "unanswered", counts.unknown);
	add_count(section, "included", counts.included);
	add_count(section, "included_unanswered", counts.of_unknown);
	add_count(section, "not_included", counts.waiting);
	add_count(section, "reorganized_out", counts.reorganized);
	if (counts.unfollowed) {
		add_count(section, "not_followed", counts.unfollowed);
	}
	if (evm->setting.receipts) {
		add_count(section, "receipts_succeeded", evm->chain.succeeded);
		add_count(section, "receipts_failed", evm->chain.failed);
		add_count(section, "receipts_missing",
			counts.included - evm->chain.succeeded - evm->chain.failed);
	}
}

void evm_tell(void *shared, struct result_section **sections)
{
	struct evm *evm = shared;
	struct result_section *section = &evm->section;

	section->row_count = 0;
	(void)snprintf(section->name, sizeof(section->name), "evm");
	if (evm->collects) {
		tell_chain(evm, section);
		tell_inclusion(evm, section);
		section->latency_name = "inclusion";
		histogram_reset(&section->latency);
		(void)pthread_mutex_lock(&evm->inclusion.lock);
		histogram_merge(&section->latency, &evm->inclusion.latency);
		(void)pthread_mutex_unlock(&evm->inclusion.lock);
	}
	add_count(section, "resyncs", atomic_load(&evm->resyncs));
	add_count(section, "nonce_errors", atomic_load(&evm->nonce_refused));
	add_count(section, "already_known", atomic_load(&evm->known));
	add_count(section, "funds_errors", atomic_load(&evm->funds_refused));
	while (*sections) {
		if (*sections == section) {
			return; /* it was told before, and is new now */
		}
		sections = &(*sections)->next;
	}
	section->next = NULL;
	*sections = section;
}

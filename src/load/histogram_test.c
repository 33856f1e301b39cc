/* SPDX-License-Identifier: Apache-2.0 */
#include "load/histogram.h"
int main(void)
{
	return 0;
}

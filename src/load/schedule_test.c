/* SPDX-License-Identifier: Apache-2.0 */
#include "load/schedule.h"
int main(void)
{
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "load/random.h"
int main(void)
{
	return 0;
}

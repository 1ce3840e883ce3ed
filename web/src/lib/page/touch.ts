/** Whether the page is used by touch alone; there the keyboard's Enter breaks the line and the button sends. */
export const isTouchOnly = (): boolean => matchMedia('(pointer: coarse) and (hover: none)').matches;

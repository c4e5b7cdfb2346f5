/** Where it used to be; import it from the model. */
export { protectedInHome } from "../model/protected.ts";
